"""The department's form as a workbook: given out, taken back, previewed, written."""

from __future__ import annotations

import tempfile

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from indicators import actions
from indicators.grid import Grid, grid
from indicators.imports.form_workbook import WrongForm, read_form, write_form
from indicators.models import Round
from indicators.refusals import Refused
from indicators.returned import Fate, compare, told_cells
from indicators.views.entry import form_of, form_page, own_department
from lvyuan.accounts.models import Department, Role
from lvyuan.imports import pipeline
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportRefused
from lvyuan.ui.export import IN_MEMORY, attachment
from lvyuan.ui.http import require_role
from lvyuan.ui.middleware import upload_limit
from lvyuan.ui.views import Missing


def _form(code: str, department: Department) -> tuple[Round, Grid]:
    round, submission = form_of(code, department)
    shown = grid(round, department, submission)
    if not shown.lines:
        raise Missing(gettext("%(printed)s在%(round)s没有应报的指标。") % {"printed": department, "round": round})
    return round, shown


@require_safe
@require_role(Role.STAFF)
def form_workbook(request: HttpRequest, code: str, department: str) -> FileResponse:
    """The form to be filled in with a spreadsheet program, as it is stored now."""
    own = own_department(request, department)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the answer
    with override(settings.LANGUAGE_CODE):
        round, shown = _form(code, own)
        write_form(target, round, own, shown)
        return attachment(target, str(round), own.name, "填报表", wanted="xlsx")


@require_POST
@require_role(Role.STAFF)
@upload_limit(settings.EVIDENCE_LIMIT)
def form_upload(request: HttpRequest, code: str, department: str) -> HttpResponse:
    """Takes a filled workbook; ends at its preview, or says what is wrong with it and keeps nothing."""
    own = own_department(request, department)
    round, _submission = form_of(code, own)
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        return form_page(request, code, own, status=422, error=gettext("请先选择要上传的文件。"))
    try:
        with pipeline.received(upload) as file:
            returned = read_form(pipeline.read(file.path, file.suffix).tables, round, own)
            if returned.problems:
                shown = {"round": round, "department": own, "problems": returned.problems, "file_name": file.name}
                return render(request, "indicators/form_upload.html", shown, status=422)
            if not returned.cells:
                messages.info(request, gettext("这份表格与下载时相同，没有改动，没有写入。"))
                return redirect("indicators:submission-form", code=round.code, department=own.code)
            job = actions.keep_workbook(by=request.user, round=round, department=own, file=file, cells=returned.cells)
        pipeline.forget_answer(job.sha256)
    except (WrongForm, ImportRefused, Refused) as refused:
        error = gettext("没有读取这份文件。%(why)s") % {"why": refused}
        return form_page(request, code, own, status=422, error=error)
    return redirect("indicators:form-upload-detail", code=round.code, department=own.code, pk=job.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.STAFF)
def form_upload_detail(request: HttpRequest, code: str, department: str, pk: int) -> HttpResponse:
    """What a workbook would write now; POST writes all of it (`do=write`) or gives it up (`do=drop`).

    Of each contested cell the person says whose text stays: `keep-<indicator>-<field>` is mine or theirs.
    """
    own = own_department(request, department)
    job = ImportJob.objects.filter(pk=pk, kind=actions.FORM, created_by=request.user).first()
    if job is None or (job.preview.get("round"), job.preview.get("department")) != (code, own.code):
        raise Missing(gettext("没有这次上传，或者它不属于您。"))
    error = ""
    try:
        if request.method == "POST" and request.POST.get("do") == "drop":
            actions.drop_workbook(by=request.user, job=job, department=own)
            messages.success(request, gettext("已放弃这份表格，没有写入任何内容。"))
            return redirect("indicators:submission-form", code=code, department=own.code)
        if request.method == "POST":
            written = _write(request, job, code, own)
            messages.success(request, gettext("已写入 %(count)s 格，尚未提交。") % {"count": written})
            return redirect("indicators:submission-form", code=code, department=own.code)
    except Refused as refused:
        error = str(refused)
    round, shown = _form(code, own)
    cells = compare(shown, told_cells(job.preview))
    context = {
        "round": round,
        "department": own,
        "job": job,
        "file_name": job.file_name,
        "conflicts": [one for one in cells if one.fate is Fate.CONFLICT],
        "refused": [one for one in cells if one.fate in (Fate.INVALID, Fate.LOCKED)],
        "written": [one for one in cells if one.fate is Fate.WRITTEN],
        "same": sum(one.fate is Fate.SAME for one in cells),
        "is_open": job.state == ImportJob.State.PREVIEWED,
        "error": error,
    }
    return render(request, "indicators/form_upload.html", context, status=409 if error else 200)


def _write(request: HttpRequest, job: ImportJob, code: str, department: Department) -> int:
    """Writes the job's cells as the person decided, and says how many. Raises Refused."""
    _round, shown = _form(code, department)
    kept = {name.removeprefix("keep-"): said for name, said in request.POST.items() if name.startswith("keep-")}
    cells = compare(shown, told_cells(job.preview), mine={key for key, said in kept.items() if said == "mine"})
    if any(one.fate in (Fate.INVALID, Fate.LOCKED) for one in cells):
        raise Refused(gettext("有不能写入的格，没有写入任何内容。请按下面的说明改好表格，重新上传。"))
    if any(one.fate is Fate.CONFLICT and kept.get(one.key) != "theirs" for one in cells):
        raise Refused(gettext("有的格在您下载表格之后系统里已经改过，没有写入任何内容。请逐格选择保留哪一个。"))
    chosen = [one.cell for one in cells if one.fate is Fate.WRITTEN]
    actions.write_workbook(by=request.user, job=job, code=code, department=department, cells=chosen)
    return len(chosen)
