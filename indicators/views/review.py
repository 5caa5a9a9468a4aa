"""What reviewers see and decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from indicators import actions, exports
from indicators.forms import ReasonForm
from indicators.imports.undo import can_undo, undo_approved
from indicators.models import Submission
from indicators.refusals import Refused
from indicators.review import QueueRow, all_lines, queue_rows, review
from indicators.review_forms import SendBackForm
from indicators.views.chain import get_submission, row_version
from lvyuan.accounts.models import Role
from lvyuan.ui.export import exportable, page_of, page_or_file
from lvyuan.ui.http import require_role
from lvyuan.ui.views import Missing

State = Submission.State
TABS = (
    State.SUBMITTED,
    State.RETURNED,
    State.APPROVED,
    State.SIGNING,
    State.DRAFT,
    State.NOT_STARTED,
    State.EXCUSED,
)
PAGE = 100  # forms; a month of all departments fits
ORDERS = {
    "round": ("-round__month", "round", "department__order", "department__code", "-submitted_at", "-pk"),
    "department": ("department__order", "department__code", "-round__month", "-submitted_at", "-pk"),
}


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR)
@exportable
def review_list(request: HttpRequest) -> HttpResponseBase:
    """`?state=approved` picks the tab, `?by=department` groups by department."""
    return _queue_page(request)


def _queue_page(
    request: HttpRequest, *, ticked: set[int] | None = None, error: str = "", status: int = 200
) -> HttpResponseBase:
    state, by = request.GET.get("state", State.SUBMITTED.value), request.GET.get("by", "round")
    if state not in State.values or by not in ORDERS:
        raise Missing(gettext("没有这种状态或分组。请从页面上方选择。"))
    visible = Submission.objects.visible_to(request.user)
    counts = dict(visible.order_by().values_list("state").annotate(count=Count("pk")))
    shown = _with_people(visible.filter(state=state)).order_by(*ORDERS[by])
    page = page_of(request, shown, PAGE)
    rows = queue_rows(page.object_list, user=request.user, now=timezone.now())
    return page_or_file(
        request,
        "indicators/review_list.html",
        {
            "groups": _groups(rows, by),
            "page": page,
            "by": by,
            "state": state,
            "tabs": [
                {"code": one.value, "label": one.label, "count": counts.get(one, 0), "is_current": one == state}
                for one in TABS
            ],
            "is_queue": state == State.SUBMITTED,
            "can_approve": state == State.SUBMITTED and request.user.has_role(Role.REVIEWER),
            "ticked": ticked or set(),
            "error": error,
        },
        book=lambda: exports.queue_book(rows, state=state),
        status=status,
    )


def _with_people(submissions: QuerySet[Submission]) -> QuerySet[Submission]:
    return submissions.select_related("round", "department", "submitted_by", "reviewed_by", "import_job")


def _groups(rows: list[QueueRow], by: str) -> list[tuple[str, list[QueueRow]]]:
    """(heading, rows) in their order."""

    def heading(row: QueueRow) -> str:
        found = row.submission.round if by == "round" else row.submission.department
        return str(found) if found else gettext("导入")

    return [(name, list(group)) for name, group in groupby(rows, key=heading)]


@require_POST
@require_role(Role.REVIEWER)
def review_approve_many(request: HttpRequest) -> HttpResponseBase:
    """Approves the ticked forms, each as it was when the page was made: `form` is `<id>-<row version>`."""
    chosen = [re.fullmatch("([0-9]{1,9})-([0-9]{1,9})", text) for text in request.POST.getlist("form")]
    seen = {int(found[1]): int(found[2]) for found in chosen if found}
    try:
        done = actions.approve_many(by=request.user, seen=seen)
    except Refused as refused:
        return _queue_page(request, ticked=set(seen), error=str(refused), status=409)
    if done.approved:
        names = gettext("、").join(_short_name(one) for one in done.approved)
        messages.success(
            request,
            gettext("已通过%(approved)s份，%(vintages)s项数据即时生效：%(names)s。")
            % {"approved": len(done.approved), "vintages": done.vintages.count(), "names": names},
        )
    for submission, why_not in done.refused:
        messages.warning(
            request,
            gettext("没有通过：%(short_name)s——%(why_not)s")
            % {"short_name": _short_name(submission), "why_not": why_not},
        )
    return redirect("indicators:review-list")


def _short_name(submission: Submission) -> str:
    return str(submission.department) if submission.round and submission.department else str(submission)


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR, Role.ADMIN)
@exportable
def review_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _review_page(request, get_submission(request, pk))


def _review_page(
    request: HttpRequest,
    submission: Submission,
    *,
    form: ReasonForm | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponseBase:
    """What may be done now; a typed reason that can no longer be given is shown as text."""
    offer = actions.offer(by=request.user, submission=submission)
    shown = review(submission, user=request.user, page=request.GET.get("page"))
    entries = [line.entry for line in shown.lines]
    sends_back = bool(offer.moves & {"return", "reopen"})
    if sends_back and not isinstance(form, SendBackForm):
        form = _send_back_form(submission)
    ticks = form.ticks if sends_back and isinstance(form, SendBackForm) else {}
    return page_or_file(
        request,
        "indicators/review_detail.html",
        {
            "submission": submission,
            "review": shown,
            "lines": [
                (line, own := ticks.get(line.entry.pk, []), any(tick.is_ticked for tick in own)) for line in shown.lines
            ],
            "transitions": submission.transitions.select_related("by").all(),
            "moves": offer.moves,
            "why_not": offer.why_not,
            "can_undo": can_undo(submission, request.user),
            "reason_form": form or ReasonForm(),
            "unsent": _typed(form, {entry.pk: entry.indicator.name for entry in entries}) if not sends_back else [],
            "error": error,
        },
        book=lambda: exports.review_book(submission, all_lines(submission, shown, user=request.user)),
        status=status,
    )


def _typed(form: ReasonForm | None, names: dict[int, str]) -> list[tuple[str, str]]:
    """What was typed into a form that is not offered any more."""
    if form is None or not form.is_bound:
        return []
    typed = [(gettext("理由"), str(form["reason"].data or ""))]
    if isinstance(form, SendBackForm):
        typed += [(f"{names[tick.entry]} {tick.label}", tick.reason) for tick in form.ticked]
    return [(name, text) for name, text in typed if text]


@require_POST
@require_role(Role.REVIEWER)
def review_approve(request: HttpRequest, pk: int) -> HttpResponseBase:
    submission = get_submission(request, pk)
    try:
        vintages = actions.approve(by=request.user, submission=submission, row_version=row_version(request))
    except Refused as refused:
        return _review_page(request, get_submission(request, pk), error=str(refused), status=409)
    messages.success(request, gettext("已通过，%(vintages)s 项数据即时生效。") % {"vintages": vintages.count()})
    return redirect(submission)


@require_POST
@require_role(Role.REVIEWER)
def review_return(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _send_back(request, pk, actions.return_submission, gettext("已退回，填报员会看到理由。"))


@require_POST
@require_role(Role.REVIEWER)
def review_reopen(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _send_back(request, pk, actions.reopen, gettext("已重开，填报员会看到理由；更正通过之前，现行数据不变。"))


def _send_back(request: HttpRequest, pk: int, deed: Callable[..., Submission], done: str) -> HttpResponseBase:
    submission = get_submission(request, pk)
    form = _send_back_form(submission, request.POST)
    return _decide(request, submission, form, deed, done, cells=form.cells)


def _send_back_form(submission: Submission, data: Any = None) -> SendBackForm:
    """An import has no form whose cells could be mended; it goes back as a whole."""
    entries = [] if submission.round is None else submission.entries.values_list("pk", flat=True)
    return SendBackForm(data, entries=list(entries))


@require_POST
@require_role(Role.REVIEWER)
def review_excuse(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = ReasonForm(request.POST)
    return _decide(request, get_submission(request, pk), form, actions.excuse, gettext("已免报，单位会看到理由。"))


@require_POST
@require_role(Role.REVIEWER)
def review_resume(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = ReasonForm(request.POST)
    return _decide(request, get_submission(request, pk), form, actions.resume, gettext("已撤销免报，单位可以填报。"))


@require_POST
@require_role(Role.REVIEWER)
def review_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Of an approved import: what stood before it stands again."""
    done = gettext("已撤销这次导入，原来的数据恢复现行；导入的各版本仍在历史里。")
    return _decide(request, get_submission(request, pk), ReasonForm(request.POST), undo_approved, done)


def _decide(
    request: HttpRequest, submission: Submission, form: ReasonForm, deed: Callable[..., Any], done: str, **more: Any
) -> HttpResponseBase:
    """A decision that asks for a reason: 422 without one, 409 when it cannot be taken any more; both keep the text."""
    if not form.is_valid():
        wrong = next(iter(form.errors.values()))[0]
        return _review_page(
            request, submission, form=form, error=gettext("没有办理。%(wrong)s") % {"wrong": wrong}, status=422
        )
    try:
        deed(
            by=request.user,
            submission=submission,
            row_version=row_version(request),
            reason=form.cleaned_data["reason"],
            **more,
        )
    except Refused as refused:
        return _review_page(request, get_submission(request, submission.pk), form=form, error=str(refused), status=409)
    messages.success(request, done)
    return redirect(submission)
