"""What the latest approved levels are, to tell a slip of 万 for 亿."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.db.models import F

from indicators.models import Observation, Vintage, VintageStatus


def latest_values(indicators: Iterable[int]) -> dict[int, tuple[Decimal, str]]:
    """By indicator, the home district's latest approved level and its unit; one query, none for no indicators."""
    wanted = list(indicators)
    if not wanted:
        return {}
    there = Observation.objects.filter(indicator__in=wanted, district__code=settings.HOME_DISTRICT)
    vintages = (
        Vintage.objects.filter(pk=F("observation__current"), observation__in=there, value__isnull=False)
        .exclude(status=VintageStatus.WITHDRAWN)
        .order_by("observation__indicator_id", "-observation__period_end", "-pk")
        .distinct("observation__indicator_id")
        .values_list("observation__indicator_id", "value", "unit", "version__unit")
    )
    return {pk: (value, unit or own) for pk, value, unit, own in vintages if value is not None}
