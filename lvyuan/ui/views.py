"""Pages that belong to no domain: errors and the health check."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.http import require_safe


class Missing(Http404):
    """A 404 whose text is for people."""


def _error(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    return render(request, "ui/error.html", {"title": title, "message": message}, status=status)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _error(
        request, 400, gettext("请求无法理解"), gettext("提交的内容不完整或格式不对，没有保存任何内容。请返回后重试。")
    )


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    message = (
        str(exception) if exception and str(exception) else gettext("您的角色不能进行这项操作，没有保存任何内容。")
    )
    return _error(request, 403, gettext("没有权限"), message)


def page_not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    message = gettext("没有这个页面，或者它不属于您可以查看的范围。")
    if isinstance(exception, Missing):
        message = str(exception)
    return _error(request, 404, gettext("找不到"), message)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request: who asks is in the database, which may be what failed."""
    message = gettext("系统内部出错，未完成的操作没有保存。请稍后重试；如仍出现，请告诉管理员。")
    context = {"title": gettext("系统出错"), "message": message, "demo": settings.DEMO}
    return HttpResponse(render_to_string("ui/error.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _error(
        request, 403, gettext("页面已过期"), gettext("页面打开太久或登录已变化，没有保存任何内容。请刷新页面后重试。")
    )


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers; for probes, so without sign-in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
