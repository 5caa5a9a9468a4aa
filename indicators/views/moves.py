"""What a department does with a form that it handed on: take it back, sign it, give it back to its writers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from indicators import actions
from indicators.forms import ReasonForm
from indicators.notices import form_url
from indicators.refusals import Refused
from indicators.views.chain import get_submission, row_version
from lvyuan.accounts.models import Role
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing


@require_POST
@require_role(Role.STAFF)
def submission_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, actions.withdraw, gettext("已撤回，可以继续修改；改好后请重新提交。"))


@require_POST
@require_role(Role.STAFF)
def submission_sign(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, actions.sign, gettext("已签发，报送已提交审核。"))


@require_POST
@require_role(Role.STAFF)
def submission_decline(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, actions.decline, gettext("已退回填报员修改。"), form=ReasonForm(request.POST))


def _move(
    request: HttpRequest, pk: int, deed: Callable[..., Any], done: str, *, form: ReasonForm | None = None
) -> HttpResponse:
    """Takes the step and goes back to the form; a refusal is a page that keeps the reason typed."""
    submission, status, error = get_submission(request, pk), 422, ""
    if submission.round is None:
        raise Missing(gettext("导入的数据没有填报表，由审核员办理。"))
    if form is None or form.is_valid():
        reason = {} if form is None else {"reason": form.cleaned_data["reason"]}
        try:
            deed(by=request.user, submission=submission, row_version=row_version(request), **reason)
        except Refused as refused:
            status, error = 409, str(refused)
        else:
            messages.success(request, done)
            return redirect(form_url(submission))
    submission = get_submission(request, pk)
    context = {
        "submission": submission,
        "form_url": form_url(submission),
        "moves": actions.allowed_moves(by=request.user, submission=submission),
        "row_version": submission.row_version,
        "reason_form": form,
        "error": error,
    }
    return render(request, "indicators/submission_move.html", context, status=status)
