"""Pages of the reporting chain: rounds, the form, review, evidence."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from indicators import actions
from indicators.evidence import evidence_path
from indicators.findings import finding_counts
from indicators.forms import ReasonForm
from indicators.grid import Line, lines, owed
from indicators.models import Entry, Evidence, Round, Submission
from indicators.refusals import Conflict, Refused, TooLarge
from indicators.review import review_lines
from lvyuan.accounts.models import Department, Role
from lvyuan.ui.http import require_role
from lvyuan.ui.middleware import upload_limit
from lvyuan.ui.views import Missing

CHAIN = (Role.STAFF, Role.REVIEWER, Role.AUDITOR)


def get_round(code: str) -> Round:
    found = Round.objects.select_related("district").filter(code=code, district__code=settings.HOME_DISTRICT).first()
    if found is None:
        raise Missing(f"没有“{code}”这次填报任务。")
    return found


def get_submission(request: HttpRequest, pk: int) -> Submission:
    """The submission if it is this person's to see, else a 404."""
    found = (
        Submission.objects.visible_to(request.user)
        .select_related("round", "department", "submitted_by", "reviewed_by", "import_job")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise Missing("没有这份报送，或者它不属于您可以查看的范围。")
    return found


@require_safe
@require_role(*CHAIN)
def round_list(request: HttpRequest) -> HttpResponse:
    rounds = Round.objects.filter(district__code=settings.HOME_DISTRICT).annotate(
        approved=Count("submissions", filter=Q(submissions__state=Submission.State.APPROVED)),
        waiting=Count("submissions", filter=Q(submissions__state=Submission.State.SUBMITTED)),
    )
    mine = {
        submission.round_id: submission
        for submission in Submission.objects.visible_to(request.user).filter(round__isnull=False)
        if submission.department_id == request.user.department_id
    }
    now = timezone.now()
    shown = [
        {"round": round, "mine": mine.get(round.pk), "is_open": round.is_open(now), "url": _round_url(request, round)}
        for round in rounds
    ]
    return render(request, "indicators/round_list.html", {"rounds": shown})


def _round_url(request: HttpRequest, round: Round) -> str:
    if request.user.has_role(Role.STAFF) and request.user.department:
        return f"{round.get_absolute_url()}{request.user.department.code}/"
    return round.get_absolute_url()


@require_safe
@require_role(*CHAIN)
def round_detail(request: HttpRequest, code: str) -> HttpResponse:
    """Who owes what in a round, and where it stands."""
    round = get_round(code)
    seen = {s.department_id: s for s in Submission.objects.visible_to(request.user).filter(round=round)}
    owing: dict[Department, int] = {}
    for assignment, _ in owed(round):
        owing[assignment.department] = owing.get(assignment.department, 0) + 1
    shown = [
        {
            "department": department,
            "indicator_count": count,
            "submission": seen.get(department.pk),
            "can_open": request.user.has_role(Role.STAFF) and request.user.department_id == department.pk,
        }
        for department, count in owing.items()
        if not request.user.has_role(Role.STAFF) or request.user.department_id == department.pk
    ]
    return render(request, "indicators/round_detail.html", {"round": round, "lines": shown})


def _form_page(
    request: HttpRequest,
    round: Round,
    department: Department,
    *,
    data: Any = None,
    status: int = 200,
    error: str = "",
    rejected: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    """The form as it is stored now, or with `data` typed into it."""
    submission = Submission.objects.filter(round=round, department=department).first()
    return _render_form(
        request,
        round,
        department,
        submission,
        lines(round, department, submission, user=request.user, data=data),
        status=status,
        error=error,
        rejected=rejected,
    )


def _typed(shown: list[Line]) -> list[tuple[str, str]]:
    """What somebody typed, line by line, as text: for the person whose save was refused."""
    return [
        (line.indicator.name, "；".join(f"{line.form[name].label} {text}" for name, text in line.form.data_typed()))
        for line in shown
        if line.form.data_typed()
    ]


def _render_form(
    request: HttpRequest,
    round: Round,
    department: Department,
    submission: Submission | None,
    shown: list[Line],
    *,
    status: int = 200,
    error: str = "",
    rejected: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    lock_reason = ""
    if submission is not None and not submission.is_editable:
        lock_reason = f"这份报送目前是“{submission.get_state_display()}”，不能修改。"
    elif not round.is_open(timezone.now()):
        lock_reason = "本次填报已关闭，不能修改。如需补报，请联系审核员。"
    last = submission.transitions.select_related("by").last() if submission else None
    return render(
        request,
        "indicators/submission_form.html",
        {
            "round": round,
            "department": department,
            "submission": submission,
            "row_version": submission.row_version if submission else 0,
            "lines": shown,
            "is_editable": not lock_reason,
            "lock_reason": lock_reason,
            "last_return": last if last and last.to_state == Submission.State.RETURNED else None,
            "error": error,
            "rejected": rejected or [],
            "evidence_limit": settings.EVIDENCE_LIMIT,
        },
        status=status,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.STAFF)
def submission_form(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """The department's form: GET shows it, POST saves and on request submits it."""
    round, own = get_round(code), request.user.department
    if own is None or own.code != department:
        raise Missing("没有这份报送，或者它不属于您的单位。")
    if request.method != "POST":
        return _form_page(request, round, own)
    submission = Submission.objects.filter(round=round, department=own).first()
    shown = lines(round, own, submission, user=request.user, data=request.POST)
    valid = [line.form.is_valid() for line in shown]  # all of them, so that all errors show at once
    if not all(valid):
        message = "有内容填写不对，整张表都没有保存。请改正标出的各项后再保存。"
        return _render_form(request, round, own, submission, shown, status=422, error=message)
    drafts = [
        actions.Draft(indicator=x.indicator, period=x.period, district=x.district, columns=x.form.columns())
        for x in shown
    ]
    try:
        saved = actions.save_entries(
            by=request.user, round=round, department=own, drafts=drafts, row_version=_row_version(request)
        )
    except Conflict as conflict:
        # What a colleague saved, with one's own text beside it: overwriting must be a decision.
        return _form_page(request, round, own, status=409, error=str(conflict), rejected=_typed(shown))
    except Refused as refused:
        return _form_page(request, round, own, data=request.POST, status=409, error=str(refused))
    if request.POST.get("do") == "submit":
        try:
            actions.submit(by=request.user, submission=saved, row_version=saved.row_version)
        except Refused as refused:  # what was typed is saved all the same
            return _form_page(request, round, own, status=409, error=f"已保存，没有提交。{refused}")
        messages.success(request, "已提交审核。审核员处理后，这里会显示结果。")
    else:
        messages.success(request, "已保存，尚未提交。")
    return redirect("indicators:submission-form", code=round.code, department=own.code)


def _row_version(request: HttpRequest) -> int:
    text = request.POST.get("row_version", "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1


@require_POST
@require_role(Role.STAFF)
@upload_limit(settings.EVIDENCE_LIMIT)
def evidence_create(request: HttpRequest, pk: int) -> HttpResponse:
    entry = (
        Entry.objects.filter(pk=pk, submission__in=Submission.objects.visible_to(request.user))
        .select_related("submission__round", "submission__department")
        .first()
    )
    if entry is None or entry.submission.round is None or entry.submission.department is None:
        raise Missing("没有这条填报记录，或者它不属于您的单位。")
    round, department = entry.submission.round, entry.submission.department
    upload = request.FILES.get("file")
    try:
        if not isinstance(upload, UploadedFile):
            raise Refused("请先选择要上传的文件。")
        actions.add_evidence(by=request.user, entry=entry, upload=upload)
    except Refused as refused:
        status = 413 if isinstance(refused, TooLarge) else 422
        return _form_page(request, round, department, status=status, error=str(refused))
    messages.success(request, "佐证材料已保存。")
    return redirect("indicators:submission-form", code=round.code, department=department.code)


@require_safe
def evidence_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself, always as a download, to whoever may see its submission."""
    evidence = Evidence.objects.visible_to(request.user).filter(pk=pk).first()
    if evidence is None:
        raise Missing("没有这份材料，或者它不属于您可以查看的范围。")
    try:
        content = evidence_path(evidence.sha256).open("rb")
    except FileNotFoundError as error:
        raise Missing("这份材料的文件不在服务器上，请联系管理员从备份恢复。") from error
    response = FileResponse(content, as_attachment=True, filename=evidence.name, content_type=evidence.content_type)
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR)
def review_list(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", Submission.State.SUBMITTED)
    if state not in Submission.State.values:
        raise Missing("没有这种状态。请从页面上方选择。")
    visible = Submission.objects.visible_to(request.user)
    counts = dict(visible.order_by().values_list("state").annotate(count=Count("pk")))
    shown = (
        visible.filter(state=state)
        .select_related("round", "department", "submitted_by", "reviewed_by", "import_job")
        .annotate(entry_count=Count("entries"))
        .order_by("-submitted_at", "-pk")
    )
    tabs = [
        {"code": code, "label": label, "count": counts.get(code, 0), "is_current": code == state}
        for code, label in Submission.State.choices
    ]
    return render(request, "indicators/review_list.html", {"submissions": shown, "tabs": tabs, "state": state})


@require_safe
@require_role(Role.REVIEWER, Role.AUDITOR, Role.ADMIN)
def review_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _review_page(request, get_submission(request, pk))


def _review_page(
    request: HttpRequest,
    submission: Submission,
    *,
    form: ReasonForm | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    why_not = actions.refusal(actions.APPROVE, by=request.user, submission=submission)
    shown = review_lines(submission, user=request.user)
    return render(
        request,
        "indicators/review_detail.html",
        {
            "submission": submission,
            "lines": shown,
            "counts": finding_counts(line.checked for line in shown if line.checked),
            "transitions": submission.transitions.select_related("by").all(),
            "can_review": not why_not,
            "why_not": why_not,
            "return_form": form or ReasonForm(),
            "error": error,
        },
        status=status,
    )


@require_POST
@require_role(Role.REVIEWER)
def review_approve(request: HttpRequest, pk: int) -> HttpResponse:
    submission = get_submission(request, pk)
    try:
        vintages = actions.approve(by=request.user, submission=submission, row_version=_row_version(request))
    except Refused as refused:
        return _review_page(request, get_submission(request, pk), error=str(refused), status=409)
    messages.success(request, f"已通过，{len(vintages)} 项数据即时生效。")
    return redirect(submission)


@require_POST
@require_role(Role.REVIEWER)
def review_return(request: HttpRequest, pk: int) -> HttpResponse:
    submission, form = get_submission(request, pk), ReasonForm(request.POST)
    if not form.is_valid():
        return _review_page(request, submission, form=form, status=422)
    try:
        actions.return_submission(
            by=request.user,
            submission=submission,
            row_version=_row_version(request),
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        return _review_page(request, get_submission(request, pk), form=form, error=str(refused), status=409)
    messages.success(request, "已退回，填报员会看到理由。")
    return redirect(submission)
