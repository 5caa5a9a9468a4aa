"""What is opened again for a while: who granted it, for what, until when."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from indicators import actions
from indicators.exports import exceptions_book
from indicators.models import LockException, Round
from indicators.notices import moment
from indicators.refusals import Refused
from indicators.round_forms import ExceptionForm
from indicators.views.chain import get_round
from lvyuan.accounts.models import Role
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR)
@exportable
def exception_list(request: HttpRequest, code: str) -> HttpResponseBase:
    """`?department=gxj&lock=closed&indicator=gdp` fills in the form beforehand."""
    return _page(request, get_round(code))


def _page(
    request: HttpRequest, round: Round, *, form: ExceptionForm | None = None, error: str = "", status: int = 200
) -> HttpResponseBase:
    now = timezone.now()
    asked = {name: request.GET[name] for name in ("department", "lock", "indicator") if name in request.GET}
    if form is None and request.user.has_role(Role.REVIEWER):
        form = ExceptionForm(round=round, initial=asked | {"expires_at": ExceptionForm.proposed_end(now)})
    granted = round.exceptions.select_related("department", "indicator", "granted_by")
    shown = [{"exception": one, "state": one.state(now)} for one in granted]
    return page_or_file(
        request,
        "indicators/exception_list.html",
        {"round": round, "is_closed": round.is_closed(now), "exceptions": shown, "form": form, "error": error},
        book=lambda: exceptions_book(round, shown),
        status=status,
    )


@require_POST
@require_role(Role.REVIEWER)
def exception_grant(request: HttpRequest, code: str) -> HttpResponseBase:
    round = get_round(code)
    form = ExceptionForm(request.POST, round=round)
    if not form.is_valid():
        return _page(request, round, form=form, status=422)
    try:
        granted = actions.grant_exception(by=request.user, round=round, **form.cleaned_data)
    except Refused as refused:
        return _page(request, round, form=form, error=str(refused), status=409)
    messages.success(
        request,
        gettext("已对%(department)s临时开放到%(expires_at)s，到期自动锁回。")
        % {"department": granted.department, "expires_at": moment(granted.expires_at)},
    )
    return redirect("indicators:exception-list", code=round.code)


@require_POST
@require_role(Role.REVIEWER)
def exception_end(request: HttpRequest, code: str, pk: int) -> HttpResponseBase:
    round = get_round(code)
    found = LockException.objects.filter(round=round, pk=pk).first()
    if found is None:
        raise Missing(gettext("没有这项临时开放。"))
    try:
        actions.end_exception(by=request.user, exception=found)
    except Refused as refused:
        return _page(request, round, error=str(refused), status=409)
    messages.success(request, gettext("已锁回。"))
    return redirect("indicators:exception-list", code=round.code)
