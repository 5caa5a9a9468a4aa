"""Who has and has not reported, and the button that chases everybody late."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from indicators import actions
from indicators.board import BOARD_READERS, board
from indicators.exports import board_book
from indicators.models import Submission
from indicators.refusals import Refused
from lvyuan.accounts.models import Role
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing

LENGTHS = (6, 12)  # rounds


@require_safe
@require_role(*BOARD_READERS)
@exportable
def board_detail(request: HttpRequest) -> HttpResponseBase:
    return _page(request)


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponseBase:
    asked = request.GET.get("rounds", "6")
    if asked not in map(str, LENGTHS):
        raise Missing(gettext("没有“最近%(asked)s期”这种显示。请从页面上选择。") % {"asked": asked})
    shown = board(district=settings.HOME_DISTRICT, now=timezone.now(), rounds=int(asked))
    return page_or_file(
        request,
        "indicators/board.html",
        {
            "board": shown,
            "lengths": [{"count": count, "is_current": str(count) == asked} for count in LENGTHS],
            "may_open": request.user.has_role(Role.REVIEWER, Role.AUDITOR),
            "may_chase": request.user.has_role(Role.REVIEWER),
            "error": error,
        },
        book=lambda: board_book(shown),
        status=status,
    )


@require_POST
@require_role(Role.REVIEWER)
def board_chase(request: HttpRequest) -> HttpResponseBase:
    """Reminds every department that is late in any round, and says who was told."""
    now = timezone.now()
    late = list(
        Submission.objects.visible_to(request.user)
        .filter(round__district__code=settings.HOME_DISTRICT, round__due_at__lte=now)
        .filter(state__in=Submission.UNREPORTED)
        .select_related("round", "department")
        .order_by("department__order", "department__code", "round__month")
    )
    try:
        chased = actions.chase(by=request.user, submissions=late)
    except Refused as refused:
        return _page(request, error=str(refused), status=409)
    done = {form.pk for form in chased}
    messages.success(
        request, gettext("已催报：%(late)s。") % {"late": _names(form for form in late if form.pk in done)}
    )
    if before := [form for form in late if form.pk not in done]:
        messages.info(request, gettext("今天已经催过，没有重复提醒：%(before)s。") % {"before": _names(before)})
    return redirect("indicators:board")


def _names(forms: Iterable[Submission]) -> str:
    return gettext("、").join(
        (gettext("%(department)s（%(round)s）") % {"department": form.department, "round": form.round})
        for form in forms
    )
