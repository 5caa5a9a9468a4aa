"""Pages of the import: what was imported, a new file, what it would change, and the decision."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lvyuan.accounts.models import Role
from lvyuan.imports import actions
from lvyuan.imports.forms import TOO_LARGE, UploadForm
from lvyuan.imports.models import ImportJob
from lvyuan.imports.pipeline import is_ready
from lvyuan.imports.registry import ImportConflict, ImportRefused, kinds
from lvyuan.imports.table import SUFFIXES
from lvyuan.ui.http import require_role
from lvyuan.ui.middleware import upload_limit
from lvyuan.ui.views import Missing

LISTED = 200


def get_job(request: HttpRequest, pk: int) -> ImportJob:
    """The job if it is this person's to see, else a 404."""
    job = ImportJob.objects.visible_to(request.user).select_related("created_by").filter(pk=pk).first()
    if job is None:
        raise Missing(gettext("没有这次导入，或者它不属于您可以查看的范围。"))
    return job


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_list(request: HttpRequest) -> HttpResponse:
    jobs = ImportJob.objects.visible_to(request.user).select_related("created_by").defer("preview")[:LISTED]
    return render(request, "imports/job_list.html", {"jobs": jobs, "can_upload": request.user.has_role(Role.ADMIN)})


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
@upload_limit(settings.IMPORT_LIMIT)
def job_create(request: HttpRequest) -> HttpResponse:
    """Upload of a file; ends at its preview."""
    if request.method != "POST":
        return _create_page(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
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
    context = {"form": form, "formats": gettext("、").join(SUFFIXES), "limit": settings.IMPORT_LIMIT}
    return render(request, "imports/job_create.html", context, status=status)


@require_safe
@require_role(Role.ADMIN, Role.AUDITOR)
def job_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail_page(request, get_job(request, pk))


def _detail_page(request: HttpRequest, job: ImportJob, *, status: int = 200) -> HttpResponse:
    is_mine = request.user.has_role(Role.ADMIN) and job.created_by_id == request.user.pk
    is_open = is_mine and job.state == ImportJob.State.PREVIEWED
    kind = next((kind for kind in kinds() if kind.code == job.kind), None)
    context = {
        "job": job,
        "preview": job.preview,
        "submission": kind.outcome(job, request.user) if kind else None,
        "can_confirm": is_open and is_ready(job.preview),
        "can_cancel": is_open,
    }
    return render(request, "imports/job_detail.html", context, status=status)


@require_POST
@require_role(Role.ADMIN)
def job_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_job(request, pk)
    try:
        actions.confirm_job(by=request.user, job=job)
    except ImportRefused as refused:
        return _refused_page(request, pk, refused)
    messages.success(request, gettext("已送审。审核员通过后，这些数据才会生效。"))
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


def _refused_page(request: HttpRequest, pk: int, refused: ImportRefused) -> HttpResponse:
    messages.error(request, str(refused))
    return _detail_page(request, get_job(request, pk), status=409 if isinstance(refused, ImportConflict) else 422)
