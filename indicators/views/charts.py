"""Figures of charts that a page fetches when they come near the screen."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from indicators.rows import scorecard
from indicators.rows.spans import spans
from indicators.year_charts import year_chart
from lvyuan.accounts.models import District
from lvyuan.audit.triggers import FIGURES
from lvyuan.ui.charts import CompactEncoder
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.http import asked_moment, asked_period


@require_safe
@conditional_page(FIGURES)
def headline_charts(request: HttpRequest) -> HttpResponse:
    """`{trend-CODE: figure}` of the cockpit's indicators, at the periods that its tiles show."""
    home, period, known_at = settings.HOME_DISTRICT, asked_period(request), asked_moment(request)
    card = scorecard(district=home, period=period, known_at=known_at, user=request.user, headline=True)
    shown = [(row, row.period) for row in card.headline if row.period is not None]
    charts = {}
    if shown:
        found = spans(
            indicators=[row.indicator for row, _ in shown],
            districts=District.objects.filter(code=home),
            since=dt.date(min(one.year_no for _, one in shown) - 1, 1, 1),
            until=max(one.end for _, one in shown),
            known_at=known_at,
            user=request.user,
        )
        drawn = ((row, year_chart(row, found.get((home, row.indicator.pk), ()))) for row, _ in shown)
        charts = {f"trend-{row.indicator.code}": figure for row, figure in drawn if figure is not None}
    return JsonResponse(charts, encoder=CompactEncoder)
