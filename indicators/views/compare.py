"""对比: any indicators, any months, the district beside the others of its pools."""

from __future__ import annotations

from itertools import groupby

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from indicators.compare import MAX_INDICATORS, comparable_districts, compare
from indicators.compare_form import CompareForm
from indicators.exports import comparison_book
from indicators.models import Indicator
from indicators.rows import months_with_figures
from lvyuan.audit.triggers import FIGURES
from lvyuan.periods import Period
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import asked_moment
from lvyuan.ui.months import month_choices


@require_safe
@conditional_page(FIGURES)
@exportable
def compare_detail(request: HttpRequest) -> HttpResponseBase:
    """`?indicator=&indicator=&district=&since=2024-01&until=2025-10&kind=ytd&show=index`."""
    home, known_at = settings.HOME_DISTRICT, asked_moment(request)
    measured = Indicator.objects.visible_to(request.user).exclude(nature=Indicator.Nature.TEXT)
    indicators = sorted(measured, key=lambda one: Indicator.Category.values.index(one.category))
    districts = comparable_districts(home)
    months = months_with_figures(home)
    today = timezone.localdate(known_at)
    latest = months[0] if months else Period.month(today.year, today.month)
    form = CompareForm(request.GET, indicators=indicators, districts=districts, latest=latest)
    said = form.cleaned_data if form.is_valid() else {}
    chosen = said.get("indicator", [])
    comparison = (
        compare(
            indicators=chosen,
            districts=said["district"],
            since=said["since"],
            until=said["until"],
            kind=said["kind"],
            show=said["show"],
            known_at=known_at,
            user=request.user,
        )
        if chosen
        else None
    )
    return page_or_file(
        request,
        "indicators/compare.html",
        {
            "form": form,
            "comparison": comparison,
            "chosen": chosen,
            "groups": [
                (category, list(found))
                for category, found in groupby(indicators, key=lambda one: one.get_category_display())
            ],
            "asked": {name: set(request.GET.getlist(name)) for name in ("indicator", "district")},
            "districts": districts,
            "since": month_choices(months, said.get("since")),
            "until": month_choices(months, said.get("until")),
            "most": MAX_INDICATORS,
            "known_at": known_at,
        },
        book=lambda: comparison_book(comparison, since=said.get("since"), until=said.get("until")),
        status=200 if form.is_valid() else 422,
    )
