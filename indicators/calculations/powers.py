"""Working precision of the formulas that raise to a power.

They compute at 50 digits and hand back what the caller's context (28 digits) holds, so that three years from
1 to 1.331 are 10 % digit for digit, and a cut at 95 % is met when it is met.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

WIDE: Final = Context(prec=50)


def as_decimal(fraction: Fraction) -> Decimal:
    """numerator / denominator, as many digits as the context in force holds."""
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)
