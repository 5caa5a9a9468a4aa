"""The department's form, as a page, cell by cell and on paper; and its evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from indicators import actions
from indicators.cells import COLUMNS, Cell
from indicators.evidence import evidence_path
from indicators.forms import LineForm
from indicators.grid import Grid, grid, owed_with_pool
from indicators.models import Entry, Evidence, Round, Submission, Transition
from indicators.refusals import NotAllowed, Refused, TooLarge
from indicators.views.chain import CHAIN, get_round, row_version
from lvyuan.accounts.models import Department, Role, User
from lvyuan.ui.http import harmless_download, require_role
from lvyuan.ui.middleware import upload_limit
from lvyuan.ui.views import Missing

State = Submission.State
MOST_CELLS = 1_000  # of one request
# What a form's buttons do after saving: the deed, its name, and what is said when it is done.
DEEDS: dict[str, tuple[Callable[..., Submission], str, str]] = {
    "submit": (actions.submit, gettext_noop("提交"), gettext_noop("已提交审核。审核员处理后，这里会显示结果。")),
    "send": (actions.send_for_signature, gettext_noop("送签"), gettext_noop("已送单位负责人签发。")),
}
# What the last word about an open form was, by the step that said it.
_SAID = {
    (State.APPROVED, State.RETURNED): gettext_noop("已重开"),
    (State.SIGNING, State.DRAFT): gettext_noop("单位负责人退回修改"),
    (State.EXCUSED, State.DRAFT): gettext_noop("已撤销免报"),
}


def own_department(request: HttpRequest, code: str) -> Department:
    """The person's own department, where the address names that one; else a 404."""
    own: Department | None = request.user.department  # type: ignore[union-attr]
    if own is None or own.code != code:
        raise Missing(gettext("没有这份报送，或者它不属于您的单位。"))
    return own


def form_of(code: str, department: Department) -> tuple[Round, Submission | None]:
    """The round, and the department's form in it with `said`, the last step that gave a reason; mostly one query."""
    told = (
        Transition.objects.filter(submission=OuterRef("pk"))
        .exclude(reason="")
        .order_by("-pk")
        .values(
            row=JSONObject(
                step=JSONObject(before="from_state", after="to_state"),
                reason="reason",
                at="at",
                by=Coalesce(NullIf("by__name", Value("")), "by__username"),
            )
        )
    )
    submission = (
        Submission.objects.select_related("round__district")
        .annotate(said=Subquery(told[:1]))
        .filter(round__code=code, round__district=department.district_id, department=department)
        .first()
    )
    if submission is None or submission.round is None:
        return get_round(code), None
    submission.department = department
    return submission.round, submission


def _said(submission: Submission | None) -> dict[str, Any] | None:
    """Why the form is open again, in whose words; None where nobody said anything."""
    if submission is None or submission.state not in (State.DRAFT, State.RETURNED):
        return None
    row = getattr(submission, "said", None)
    if row is None:
        return None
    words = gettext(_SAID.get((row["step"]["before"], row["step"]["after"]), gettext_noop("已退回")))
    return {"words": words, "reason": row["reason"], "by": row["by"], "at": datetime.fromisoformat(row["at"])}


def form_page(
    request: HttpRequest,
    code: str,
    department: Department,
    *,
    status: int = 200,
    error: str = "",
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The form as it is stored now; `typed` is what somebody typed and could not save."""
    round, submission = form_of(code, department)
    shown = grid(round, department, submission)
    moves = actions.allowed_moves(by=request.user, submission=submission) if submission else set()
    return render(
        request,
        "indicators/submission_form.html",
        {
            "round": round,
            "department": department,
            "submission": submission,
            "row_version": submission.row_version if submission else 0,
            "grid": shown,
            "lock": shown.locks.form,
            "open_until": shown.locks.open_until,
            "said": _said(submission),
            "moves": moves,
            "error": error,
            "rejected": _rejected(shown, typed or {}),
            "evidence_limit": settings.EVIDENCE_LIMIT,
        },
        status=status,
    )


def _rejected(shown: Grid, typed: Mapping[str, str]) -> list[tuple[str, str]]:
    """Line by line, what was typed and differs from what the form shows now."""
    told = []
    for line in shown.lines:
        texts = ((cell, typed.get(cell.name, cell.text).strip()) for cell in line.cells.values())
        changed = [f"{cell.label} {text or gettext('（空）')}" for cell, text in texts if text != cell.text]
        if changed:
            told.append((line.indicator.name, gettext("；").join(changed)))
    return told


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.STAFF)
def submission_form(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """The department's form: GET shows it, POST saves all of it and on request hands it on.

    What cannot be understood is kept as typed and told; what the form does not send stays as it is.
    """
    own = own_department(request, department)
    if request.method != "POST":
        return form_page(request, code, own)
    round, submission = form_of(code, own)
    drafts, deed = _drafts(round, own, request.POST), DEEDS.get(request.POST.get("do", ""))
    version = row_version(request)
    try:
        if drafts or deed is None or submission is None:
            submission = actions.save_entries(
                by=request.user, round=round, department=own, drafts=drafts, row_version=version
            )
            version = submission.row_version
    except Refused as refused:
        return form_page(request, code, own, status=409, error=str(refused), typed=request.POST.dict())
    bad = sum(len(draft.unread) for draft in drafts)
    if deed is None:
        if bad:
            said = gettext("已保存，尚未提交。有 %(bad)s 格看不懂，已照您写的留下并标出，改正后才能提交。") % {
                "bad": bad
            }
            messages.warning(request, said)
        else:
            messages.success(request, gettext("已保存，尚未提交。"))
        return redirect("indicators:submission-form", code=round.code, department=own.code)
    act, name, done = deed[0], gettext(deed[1]), gettext(deed[2])
    try:
        act(by=request.user, submission=submission, row_version=version)
    except Refused as refused:
        saved = (
            gettext("已保存，没有%(name)s。") % {"name": name} if drafts else gettext("没有%(name)s。") % {"name": name}
        )
        return form_page(request, code, own, status=409, error=f"{saved}{refused}")
    messages.success(request, done)
    return redirect("indicators:submission-form", code=round.code, department=own.code)


def _drafts(round: Round, department: Department, data: Mapping[str, str]) -> list[actions.Draft]:
    """The lines that the form sent, each with the fields that it sent."""
    owing, pool = owed_with_pool(round, department)
    drafts = []
    for one in owing:
        names = {field: f"{one.indicator.code}-{field}" for field in COLUMNS}
        typed = {field: data[name] for field, name in names.items() if name in data}
        if not typed:
            continue
        form = LineForm(typed, unit=one.unit, pool=pool)
        columns = form.columns()
        drafts.append(
            actions.Draft(
                indicator=one.indicator,
                period=one.period,
                district=one.district,
                columns={name: columns[name] for field in typed for name in COLUMNS[field]},
                unread=form.unread(),
            )
        )
    return drafts


@require_POST
@require_role(Role.STAFF)
def cells_save(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """Saves cells as they are written: JSON in, what became of each cell out."""
    own = own_department(request, department)
    cells = _cells_in(request.body)
    if cells is None:
        return JsonResponse({"error": gettext("没有保存：内容的格式不对，请刷新页面后重试。")}, status=400)
    try:
        submission, done = actions.save_cells(by=request.user, code=code, department=own, cells=cells)
    except Round.DoesNotExist as error:
        raise Missing(gettext("没有“%(code)s”这次填报任务。") % {"code": code}) from error
    except NotAllowed as refused:
        return JsonResponse({"error": str(refused)}, status=403)
    told = [
        {
            "indicator": one.cell.indicator,
            "field": one.cell.field,
            "outcome": one.outcome,
            "text": one.text,
            "message": one.message,
            "by": one.by,
            "also": dict(one.also),
        }
        for one in done
    ]
    return JsonResponse({"row_version": submission.row_version, "cells": told})


def _cells_in(body: bytes) -> list[Cell] | None:
    """The cells of `{"cells": [{"indicator", "field", "text", "seen"}, …]}`; None for anything else."""
    try:
        match json.loads(body):
            case {"cells": [_, *_] as items} if len(items) <= MOST_CELLS:
                cells = [_cell_in(item) for item in items]
            case _:
                return None
    except (ValueError, RecursionError):
        return None
    return [cell for cell in cells if cell is not None] if all(cells) else None


def _cell_in(item: object) -> Cell | None:
    match item:
        case {"indicator": str(indicator), "field": str(field), "text": str(text), "seen": str(seen)}:
            text.encode()  # half a character is no text: UnicodeEncodeError
            if field in COLUMNS and re.fullmatch(r"[-\w]+", indicator, re.ASCII):
                return Cell(indicator=indicator, field=field, text=text, seen=seen)
    return None


@require_safe
@require_role(Role.STAFF)
def lines_feedback(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """Lines of the form as they are stored now, for the page to take over what changed; all without `?line=`."""
    own = own_department(request, department)
    round, submission = form_of(code, own)
    codes = {name for name in request.GET.getlist("line") if re.fullmatch(r"[-\w]+", name, re.ASCII)}
    shown = grid(round, own, submission, codes=codes or None)
    version = submission.row_version if submission else 0
    context = {"submission": submission, "grid": shown, "asked": codes, "row_version": version}
    return render(request, "indicators/_grid_feedback.html", context)


@require_safe
@require_role(*CHAIN)
def form_print(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """The form on paper, filled or (`?blank=1`) to be filled by hand."""
    printed = _department_to_print(request.user, department)  # type: ignore[arg-type]
    round, submission = form_of(code, printed)
    is_blank = bool(request.GET.get("blank"))
    shown = grid(round, printed, None if is_blank else submission)
    if not shown.lines:
        raise Missing(gettext("%(printed)s在%(round)s没有应报的指标。") % {"printed": printed, "round": round})
    writers = [] if is_blank or submission is None else User.objects.filter(pk__in=_writers(shown)).order_by("pk")
    return render(
        request,
        "indicators/form_print.html",
        {
            "round": round,
            "department": printed,
            "submission": submission,
            "grid": shown,
            "is_blank": is_blank,
            "writers": writers,
            "printed_at": timezone.now(),
        },
    )


def _department_to_print(user: User, code: str) -> Department:
    """One's own for staff, any of the district's for reviewers and auditors."""
    if user.has_role(Role.STAFF):
        visible = Department.objects.filter(pk=user.department_id)
    else:
        visible = Department.objects.filter(district__code=settings.HOME_DISTRICT)
    found = visible.select_related("district").filter(code=code).first()
    if found is None:
        raise Missing(gettext("没有这个单位，或者它的报送不属于您可以查看的范围。"))
    return found


def _writers(shown: Grid) -> set[int]:
    return {line.entry.edited_by_id for line in shown.lines if line.entry}


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
        raise Missing(gettext("没有这条填报记录，或者它不属于您的单位。"))
    code, department = entry.submission.round.code, entry.submission.department
    upload = request.FILES.get("file")
    try:
        if not isinstance(upload, UploadedFile):
            raise Refused(gettext("请先选择要上传的文件。"))
        actions.add_evidence(by=request.user, entry=entry, upload=upload)
    except Refused as refused:
        status = 413 if isinstance(refused, TooLarge) else 422
        return form_page(request, code, department, status=status, error=str(refused))
    messages.success(request, gettext("佐证材料已保存。"))
    return redirect("indicators:submission-form", code=code, department=department.code)


@require_safe
def evidence_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself, always as a download, to whoever may see its submission."""
    evidence = Evidence.objects.visible_to(request.user).filter(pk=pk).first()
    if evidence is None:
        raise Missing(gettext("没有这份材料，或者它不属于您可以查看的范围。"))
    try:
        content = evidence_path(evidence.sha256).open("rb")
    except FileNotFoundError as error:
        raise Missing(gettext("这份材料的文件不在服务器上，请联系管理员从备份恢复。")) from error
    return harmless_download(
        FileResponse(content, as_attachment=True, filename=evidence.name, content_type=evidence.content_type)
    )
