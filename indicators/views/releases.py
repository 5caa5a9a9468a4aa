"""发布: which figures may be quoted, from when, on whose authority."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from indicators import actions
from indicators.exports import releases_book
from indicators.models import Vintage
from indicators.refusals import Refused
from indicators.releases import announcements, by_period, releasable, released
from indicators.review_forms import ReleaseForm
from lvyuan.accounts.models import Role
from lvyuan.ui.export import exportable, page_of, page_or_file
from lvyuan.ui.http import require_role

PAGE = 200  # figures


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR)
@exportable
def release_list(request: HttpRequest) -> HttpResponseBase:
    """`?show=released` lists what was released."""
    return _page(request)


def _page(
    request: HttpRequest,
    *,
    form: ReleaseForm | None = None,
    ticked: set[int] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponseBase:
    internal, done = releasable(settings.HOME_DISTRICT), released(settings.HOME_DISTRICT)
    shows_released = request.GET.get("show") == "released"
    page = page_of(request, done if shows_released else internal, PAGE)
    periods = [] if shows_released else by_period(page.object_list)
    announced = announcements(page.object_list) if shows_released else []
    return page_or_file(
        request,
        "indicators/release_list.html",
        {
            "shows_released": shows_released,
            "page": page,
            "periods": periods,
            "announcements": announced,
            "can_release": request.user.has_role(Role.REVIEWER),
            "form": form or ReleaseForm(),
            "ticked": ticked or set(),
            "error": error,
        },
        book=lambda: releases_book(periods, announced, shows_released=shows_released),
        status=status,
    )


@require_POST
@require_role(Role.REVIEWER)
def release_create(request: HttpRequest) -> HttpResponseBase:
    """Releases the ticked figures, `vintage` by id."""
    form = ReleaseForm(request.POST)
    ticked = {int(text) for text in request.POST.getlist("vintage") if text.isascii() and text.isdigit()}
    if not form.is_valid():
        return _page(request, form=form, ticked=ticked, status=422)
    chosen = Vintage.objects.filter(pk__in=[pk for pk in ticked if pk < 2**63])
    try:
        count = actions.release(
            by=request.user,
            vintages=list(chosen.select_related("observation__indicator", "observation__district")),
            authority=form.cleaned_data["authority"],
            released_at=form.moment,
        )
    except Refused as refused:
        return _page(request, form=form, ticked=ticked, error=str(refused), status=409)
    messages.success(
        request,
        gettext("已发布%(count)s项数据，从现在起可以对外引用；原数从此锁定，更正须另行临时开放。") % {"count": count},
    )
    return redirect("indicators:release-list")
