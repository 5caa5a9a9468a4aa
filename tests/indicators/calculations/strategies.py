"""Figures as districts print them, for property tests."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

WAN_PER_YI = Decimal(10**4)  # 1 亿元 is 10^4 万元


def figures(low: int = -(10**9), high: int = 10**9, places: int = 4) -> st.SearchStrategy[Decimal]:
    return st.decimals(allow_nan=False, allow_infinity=False, places=places, min_value=low, max_value=high)


amounts = figures(low=1, high=10**7, places=2)
rates = figures(low=-90, high=400, places=1)
shares = figures(low=0, high=150, places=2)
