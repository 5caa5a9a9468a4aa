"""Pages of the import: what was imported, a new file, and one page that leads a job from step to step."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lvyuan.accounts.models import Role
from lvyuan.imports import actions, pages, pipeline
from lvyuan.imports.forms import TOO_LARGE, AnswersForm, ReasonForm, UploadForm
from lvyuan.imports.models import ImportJob, SavedMapping
from lvyuan.imports.registry import ImportConflict, ImportRefused, kinds
from lvyuan.imports.returned import returned_workbook
from lvyuan.imports.table import MAX_COLUMNS, MAX_ROWS, SUFFIXES
from lvyuan.imports.working import activity
from lvyuan.ui.export import FORMATS
from lvyuan.ui.http import harmless_download, require_role
from lvyuan.ui.middleware import upload_limit
from lvyuan.ui.views import Missing

PER_PAGE = 50
REMEMBERED = 5  # mappings named on the upload page
State = ImportJob.State


def get_job(request: HttpRequest, pk: int) -> ImportJob:
    """The job if it is this person's to see, else a 404."""
    jobs = ImportJob.objects.visible_to(request.user).select_related("created_by", "undone_by")
    if (job := jobs.filter(pk=pk).first()) is None:
        raise Missing(gettext("没有这次导入，或者它不属于您可以查看的范围。"))
    return job


def get_own_file(request: HttpRequest, pk: int) -> ImportJob:
    """The job if this person may have its file: who sent it, and auditors. Else a 404 or a 403."""
    job = get_job(request, pk)
    if not mayharmless_download(request, job):
        raise PermissionDenied(gettext("只有上传这份文件的人和审计员可以下载它，没有改变任何内容。"))
    return job


def mayharmless_download(request: HttpRequest, job: ImportJob) -> bool:
    return request.user.has_role(Role.AUDITOR) or job.created_by_id == request.user.pk


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_list(request: HttpRequest) -> HttpResponse:
    jobs = ImportJob.objects.visible_to(request.user).select_related("created_by")
    page = Paginator(jobs, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": pages.listed(page.object_list, request.user),
        "can_upload": request.user.has_role(Role.ADMIN),
    }
    return render(request, "imports/job_list.html", context)


# A new file


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
@upload_limit(settings.IMPORT_LIMIT)
def job_create(request: HttpRequest) -> HttpResponse:
    """Upload of a file; ends on the job's page."""
    if request.method != "POST":
        return _create_page(request, UploadForm(user=request.user))
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _create_page(request, form, status=413 if form.has_error("file", TOO_LARGE) else 422)
    try:
        job, is_new = actions.upload_file(
            by=request.user, upload=form.cleaned_data["file"], kind=form.cleaned_data["kind"]
        )
    except ImportRefused as refused:
        form.add_error("file", str(refused))
        return _create_page(request, form, status=422)
    if not is_new:
        messages.info(request, gettext("这份文件您已经上传过，还没有确认；这里是按现在的数据重新核对的预览。"))
    return redirect(job)


def _create_page(request: HttpRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    labels = {kind.code: kind.label for kind in kinds()}
    remembered = SavedMapping.objects.filter(sender=request.user)[:REMEMBERED]
    context = {
        "form": form,
        "steps": pages.steps(),
        "formats": gettext("、").join(SUFFIXES),
        "limit": settings.IMPORT_LIMIT,
        "max_rows": MAX_ROWS,
        "max_columns": MAX_COLUMNS,
        "remembered": [(labels.get(mapping.kind, mapping.kind), mapping) for mapping in remembered],
    }
    return render(request, "imports/job_create.html", context, status=status)


# The job's page


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail_page(request, get_job(request, pk))


def _detail_page(request: HttpRequest, job: ImportJob, *, status: int = 200, **bound: Any) -> HttpResponse:
    """`bound` replaces a form by the one that was sent: answers, valid_only, undo."""
    kind = next((kind for kind in kinds() if kind.code == job.kind), None)
    is_mine = request.user.has_role(Role.ADMIN) and job.created_by_id == request.user.pk
    stands = pages.standing(job, kind, activity(job))
    is_open = is_mine and job.state in (State.ASKING, State.PREVIEWED)
    context = {
        "job": job,
        "kind": kind,
        "steps": pages.steps(job),
        "standing": stands,
        "is_mine": is_mine,
        "can_resume": is_mine and stands.is_interrupted,
        "can_cancel": is_open or (is_mine and stands.is_interrupted),
        "can_confirm": is_open and pipeline.is_ready(job),
        "can_download": mayharmless_download(request, job),
        "outcome": kind.outcomes([job], request.user).get(job.pk) if kind else None,
        **pages.numbers(job),
    }
    context["can_confirm_valid"] = is_open and not context["can_confirm"] and pipeline.is_ready(job, valid_only=True)
    context["reason_form"] = bound.get("valid_only") or ReasonForm(auto_id="valid-only-%s")
    if kind and job.preview and job.state not in pages.WAITING:
        context |= _understood(job, bound.get("answers"), can_answer=is_open)
        context |= _listed(request, job)
    if kind and job.state == State.CONFIRMED:
        context["obstacles"] = actions.undo_obstacles(by=request.user, job=job)
        context["undo_form"] = bound.get("undo") or ReasonForm(auto_id="undo-%s")
    return render(request, "imports/job_detail.html", context, status=status)


def _answers_form(job: ImportJob, *data: Any) -> tuple[AnswersForm, list[pages.TableUse]]:
    tables = pages.table_uses(job.preview, pipeline.columns_of(job))
    form = AnswersForm(*data, questions=pipeline.questions_of(job), tables=tables, told=job.answers)
    return form, tables


def _understood(job: ImportJob, bound: Any, *, can_answer: bool) -> dict[str, Any]:
    """What was read of the file, and the questions."""
    form, tables = bound or _answers_form(job)
    return {
        "form": form,
        "tables": form.tabled(tables),
        "can_answer": can_answer,
        "hidden_sheets": job.preview.get("hidden_sheets", []),
        "skipped": job.preview.get("skipped", []),
    }


def _listed(request: HttpRequest, job: ImportJob) -> dict[str, Any]:
    """The asked page of rows and the asked page of problems."""
    groups, asked = pipeline.groups(job), request.GET
    chosen = next((group.name for group in groups if group.name == asked.get("problem")), "")
    tabs = pages.tabs(job)
    tab = next((tab for tab in tabs if tab.status == asked.get("show", "")), tabs[0])
    return {
        "groups": groups,
        "chosen": chosen,
        "problems": pipeline.page(job, request.user, group=chosen, number=_number(asked.get("problem_page")))
        if groups
        else None,
        "has_failed_rows": job.preview.get("counts", {}).get("refused", 0) > 0,
        "tabs": tabs,
        "tab": tab,
        "rows": pipeline.page(job, request.user, status=tab.status, number=_number(asked.get("page")))
        if tabs[0].count
        else None,
    }


def _number(text: str | None) -> int:
    """The page asked for; whatever is no number is the first."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 1


# What is done with it


def _refused_page(request: HttpRequest, pk: int, refused: ImportRefused) -> HttpResponse:
    messages.error(request, str(refused))
    return _detail_page(request, get_job(request, pk), status=409 if isinstance(refused, ImportConflict) else 422)


@require_POST
@require_role(Role.ADMIN)
def job_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """All answers at once; ends with the file read anew."""
    job = get_job(request, pk)
    form, tables = _answers_form(job, request.POST)
    if not form.is_valid():
        return _detail_page(request, job, status=422, answers=(form, tables))
    try:
        job = actions.answer_job(by=request.user, job=job, answers=form.answers())
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    if job.state == State.PREVIEWED:
        messages.success(request, gettext("已按您的答复重新核对，还没有写入任何数据。"))
    return redirect(job)


@require_POST
@require_role(Role.ADMIN)
def job_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """All of it, or with `valid_only` and a reason the rows without a fault."""
    job, valid_only = get_job(request, pk), bool(request.POST.get("valid_only"))
    form = ReasonForm(request.POST if valid_only else {"reason": "-"}, auto_id="valid-only-%s")
    if not form.is_valid():
        return _detail_page(request, job, status=422, valid_only=form)
    reason = form.cleaned_data["reason"] if valid_only else ""
    seen = request.POST.get("seen", "")
    try:
        actions.confirm_job(by=request.user, job=job, valid_only=valid_only, reason=reason, seen=seen)
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    return redirect(job)


@require_POST
@require_role(Role.ADMIN)
def job_resume(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_job(request, pk)
    try:
        actions.resume_job(by=request.user, job=job)
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    return redirect(job)


@require_POST
@require_role(Role.ADMIN)
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        actions.cancel_job(by=request.user, job=get_job(request, pk))
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    messages.success(request, gettext("已放弃这次导入，没有改变任何数据。"))
    return redirect("imports:job-list")


@require_POST
@require_role(Role.ADMIN)
def job_undo(request: HttpRequest, pk: int) -> HttpResponse:
    job, form = get_job(request, pk), ReasonForm(request.POST, auto_id="undo-%s")
    if not form.is_valid():
        return _detail_page(request, job, status=422, undo=form)
    try:
        actions.undo_job(by=request.user, job=job, reason=form.cleaned_data["reason"])
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    messages.success(request, gettext("已撤销这次导入。"))
    return redirect(job)


# Files


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file as it came, always as a download."""
    job = get_own_file(request, pk)
    try:
        content = pipeline.import_path(job.sha256).open("rb")
    except FileNotFoundError as error:
        raise Missing(gettext("这份文件不在服务器上，请联系管理员从备份恢复。")) from error
    return harmless_download(
        FileResponse(content, as_attachment=True, filename=job.file_name, content_type="application/octet-stream")
    )


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_returned(request: HttpRequest, pk: int) -> HttpResponse:
    """The error workbook: only the rows that failed, with problem and remedy."""
    job = get_own_file(request, pk)
    try:
        content = returned_workbook(
            pipeline.book_of(job).tables,
            pages.reasons(job),
            source=pipeline.import_path(job.sha256),
            suffix=pipeline.suffix_of(job.file_name),
        )
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    name = gettext("%(name)s（有误的行）.xlsx") % {"name": PurePath(job.file_name).stem}
    disposition = content_disposition_header(as_attachment=True, filename=name)
    return harmless_download(
        HttpResponse(content, content_type=FORMATS["xlsx"], headers={"Content-Disposition": disposition})
    )
