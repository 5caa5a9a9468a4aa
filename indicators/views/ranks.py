"""位次与位次推演: the pool's standings, their history, and what a change would give."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from indicators.exports import ranks_book
from indicators.forms import FigureTextField
from indicators.models import Comparator, Indicator, RankPool
from indicators.ranking import LAB_ROLES, Lab, Ranking, period_to_rank, rank_lab, rankings, ways
from indicators.rows import months_with_figures
from indicators.views.reading import get_indicator
from lvyuan.audit.triggers import FIGURES
from lvyuan.periods import Period
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import asked_moment, asked_period
from lvyuan.ui.months import month_choices
from lvyuan.ui.views import Missing


class DeltaField(FigureTextField):
    """A what-if's change, exact."""

    def clean(self, value: object) -> object:
        parsed = super().clean(value)
        if parsed is None:
            return None
        if parsed.value is None or parsed.comparator != Comparator.EQUAL:
            raise forms.ValidationError(_("请填写确切的变动，如 0.5 或 -0.5。"))
        return parsed.value


class LabForm(forms.Form):
    def __init__(self, *args: object, unit: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        points = "个百分点" if unit == "%" else unit
        self.fields["delta"] = DeltaField(
            column="value", unit=points, label=gettext("假设变动（%(points)s）") % {"points": points}
        )


@require_safe
@conditional_page(FIGURES)
@exportable
def rank_detail(request: HttpRequest, code: str) -> HttpResponseBase:
    """`?period=&pool=&by=&delta=`; the what-if is for leaders, reviewers and admins."""
    indicator, known_at, asked = get_indicator(request, code), asked_moment(request), asked_period(request)
    may_try = request.user.has_role(*LAB_ROLES)
    if "delta" in request.GET and not may_try:
        raise PermissionDenied(gettext("位次推演只供领导、审核员和管理员使用，没有推算任何内容。"))
    pools, pool = _pools(request, asked)
    by, choices = _way(request, indicator)
    period = period_to_rank(indicator, asked, pool=pool, user=request.user) if pool else None
    history: tuple[Ranking, ...] = ()
    if pool and period and by:
        history = rankings(indicator=indicator, period=period, pool=pool, known_at=known_at, user=request.user, by=by)
    ranking = history[0] if history else None
    form, lab = _lab(request, ranking) if may_try and ranking and ranking.is_ranked else (None, None)
    places = [(one, one.of(settings.HOME_DISTRICT)) for one in history]
    return page_or_file(
        request,
        "indicators/rank_detail.html",
        {
            "indicator": indicator,
            "ranking": ranking,
            "history": places,
            "home": settings.HOME_DISTRICT,
            "pools": pools,
            "pool": pool,
            "ways": choices,
            "by": by,
            "form": form,
            "lab": lab,
            "period": asked,
            "known_at": known_at,
            "months": month_choices(months_with_figures(settings.HOME_DISTRICT), asked),
        },
        book=lambda: ranks_book(indicator, ranking, places),
        status=422 if form is not None and form.errors else 200,
    )


def _pools(request: HttpRequest, asked: Period | None) -> tuple[list[RankPool], RankPool | None]:
    """All pools, and the chosen one: by code, else the first that holds at the asked month's end or today."""
    pools = list(RankPool.objects.order_by("code"))
    code = request.GET.get("pool")
    if code:
        found = next((pool for pool in pools if pool.code == code), None)
        if found is None:
            raise Missing(gettext("没有代码为“%(code)s”的位次范围。") % {"code": code})
        return pools, found
    on = asked.end if asked else timezone.localdate()
    return pools, next((pool for pool in pools if pool.is_in_force(on)), pools[0] if pools else None)


def _way(request: HttpRequest, indicator: Indicator) -> tuple[str, list[tuple[str, str]]]:
    """What the pool is ranked by, and what it can be; empty for an indicator without numbers."""
    choices = ways(indicator)
    asked = request.GET.get("by") or (choices[0][0] if choices else "")
    if asked and asked not in dict(choices):
        raise Missing(gettext("这项指标不能按这个依据排位，没有这样的位次。"))
    return asked, choices


def _lab(request: HttpRequest, ranking: Ranking) -> tuple[LabForm, Lab | None]:
    form = LabForm(request.GET if "delta" in request.GET else None, unit=ranking.standings[0].unit)
    delta = form.cleaned_data["delta"] if form.is_valid() else None
    return form, rank_lab(ranking, delta or Decimal(0), district=settings.HOME_DISTRICT)
