"""Small HTTP rules that hold for every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.translation import gettext

Handler = Callable[[HttpRequest], HttpResponse]
MULTIPART_OVERHEAD = 64 * 1024  # boundaries, field names and the CSRF token around one file


def upload_limit(limit: int) -> Callable[[Any], Any]:
    """Marks a view as accepting one file of up to `limit` bytes instead of the general body limit."""

    def mark(view: Any) -> Any:
        view.upload_limit = limit
        return view

    return mark


def size_text(size: int) -> str:
    """A byte count as people write it: 20 MB."""
    mib = size / (1024 * 1024)
    return f"{mib:.0f} MB" if mib == int(mib) else f"{mib:.1f} MB"


def _refused(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    return render(request, "ui/error.html", {"title": title, "message": message}, status=status)


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages and JSON, not files. What that may tell an eavesdropper: docs/decisions.md, 2026-11-25."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        kind = response.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in ("text/html", "application/json"):
            return response
        return super().process_response(request, response)


class PlainAddressMiddleware:
    """Refuses addresses that no text column could hold, and gives an empty 405 its page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return _refused(request, 404, gettext("找不到"), gettext("没有这个地址。"))
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            page = _refused(
                request,
                405,
                gettext("不能这样访问"),
                gettext("这个地址不支持这种操作，没有改变任何内容。请从页面上操作。"),
            )
            page["Allow"] = response["Allow"]
            return page
        return response


class UploadLimitMiddleware:
    """Refuses a body over its endpoint's limit before reading it, and one that broke off on the way."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            limit = self.file_limit(request)
            allowed = limit + MULTIPART_OVERHEAD if limit else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            if length > allowed:
                shown = size_text(limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
                message = gettext("上传的内容超过 %(shown)s 的上限，没有保存任何内容。请压缩或拆分后再传。") % {
                    "shown": shown
                }
                return _refused(request, 413, gettext("文件过大"), message)
        elif length and request.content_type != "multipart/form-data" and not self.is_whole(request, length):
            return _refused(
                request, 400, gettext("内容不完整"), gettext("提交的内容在途中断开，没有保存任何内容。请重试。")
            )
        return self.get_response(request)

    def is_whole(self, request: HttpRequest, length: int) -> bool:
        """Whether all of the body arrived; half a form must not be taken for a whole one."""
        try:
            return len(request.body) == length
        except UnreadablePostError:
            return False

    def file_limit(self, request: HttpRequest) -> int | None:
        """The view's own limit, for people who are signed in; strangers cannot fill the disk."""
        if not request.user.is_authenticated:
            return None
        try:
            return getattr(resolve(request.path_info).func, "upload_limit", None)
        except Resolver404:
            return None


class HtmxRedirectMiddleware:
    """Answers an htmx request with HX-Redirect where a page would be redirected.

    A fragment must never receive a whole page, least of all the sign-in page of an ended session.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "htmx", False) and response.status_code in (301, 302, 303, 307, 308):
            target = response["Location"]
            login = str(settings.LOGIN_URL_PATH)
            if urlsplit(target).path == login:
                # After signing in people return to the page they were on, not to the fragment.
                page = self.page_of(request)
                target = f"{login}?{urlencode({'next': page})}"
                status = 401
            else:
                status = 200
            fragment = HttpResponse(status=status)
            fragment["HX-Redirect"] = target
            for cookie in response.cookies.values():
                fragment.cookies[cookie.key] = cookie
            return fragment
        return response

    def page_of(self, request: HttpRequest) -> str:
        """The page that the fragment belongs to; the start page when the browser does not tell."""
        try:
            return str(request.htmx.current_url_abs_path or "/")  # type: ignore[attr-defined]
        except ValueError:
            return "/"


# Entry, review, imports, accounts, evidence and administration: not even the browser may keep these.
NEVER_STORED = (
    "/tasks/",
    "/board/",
    "/rounds/",
    "/reviews/",
    "/submissions/",
    "/releases/",
    "/imports/",
    "/accounts/",
    "/evidence/",
    "/entries/",
    "/history/",
    "/admin/",
    "/notices/",
    "/lights/",
)


class CacheMiddleware:
    """Nothing personal may stay in a shared cache; some pages not even in the browser's."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            read_page = (
                request.method in ("GET", "HEAD")
                and response.status_code in (200, 304)
                and not request.path_info.startswith(NEVER_STORED)
            )
            response["Cache-Control"] = "private, no-cache" if read_page else "no-store"
        return response
