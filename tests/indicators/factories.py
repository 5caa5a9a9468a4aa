"""Figures for tests, written through the same action as the article's; they live in the test database only."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.utils import timezone

from indicators.actions import RankInput, VintageInput, record_published
from indicators.models import Indicator, IndicatorVersion, Observation, RankPool, Source, Target, Vintage
from lvyuan.accounts.models import District
from lvyuan.periods import Period

HOME = "220106"


def figure(
    code: str,
    period: str,
    value: str | None = None,
    *,
    growth: str | None = None,
    rank: int | None = None,
    unit: str = "",
    known_from: dt.datetime | None = None,
    reason: str = "",
    **columns: object,
) -> Vintage:
    """Records one figure of the home district and gives its vintage."""
    indicator, district = Indicator.objects.get(code=code), District.objects.get(code=HOME)
    pool = RankPool.objects.get(code="five-urban-districts")
    asked = Period.from_code(period)
    said = {"value": Decimal(value) if value else None, "growth": Decimal(growth) if growth else None, "unit": unit}
    record_published(
        by=None,
        reason=reason,
        figures=[
            VintageInput(
                district=district,
                indicator=indicator,
                period=asked,
                source=Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0],
                known_from=known_from or timezone.now(),
                columns=said | columns,
                ranks=[RankInput(pool=pool, by="growth", place=rank, pool_size=5)] if rank else (),
                reason=reason,
            )
        ],
    )
    observation = Observation.objects.for_period(asked).get(indicator=indicator, district=district)
    return observation.vintages.order_by("-number").first()


def target(code: str, *, indicator: str, period: str, value: str, **columns: object) -> Target:
    asked = Period.from_code(period)
    return Target.objects.create(
        district=District.objects.get(code=HOME),
        code=code,
        name=code,
        indicator=Indicator.objects.get(code=indicator),
        period_kind=asked.kind.value,
        period_end=asked.end,
        value=Decimal(value),
        source=Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0],
        **columns,
    )


def many_indicators(count: int, *, like: str = "industrial_output") -> list[Indicator]:
    """`count` more indicators with a definition, alike but for code and name."""
    template = Indicator.objects.get(code=like)
    made = Indicator.objects.bulk_create(
        Indicator(
            code=f"extra-{number}",
            name=f"附加指标{number}",
            category=template.category,
            nature=template.nature,
            calendar=template.calendar,
            primary_kind=template.primary_kind,
            owner=template.owner,
            is_headline=number % 2 == 0,
            order=1000 + number,
        )
        for number in range(count)
    )
    IndicatorVersion.objects.bulk_create(
        IndicatorVersion(indicator=indicator, valid_from=dt.date(2020, 1, 1), unit="亿元") for indicator in made
    )
    return made
