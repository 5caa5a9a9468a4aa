"""Small HTTP rules that hold for every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve

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


class UploadLimitMiddleware:
    """Refuses a body over its endpoint's limit before reading it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            limit = self.file_limit(request)
            allowed = limit + MULTIPART_OVERHEAD if limit else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            if length > allowed:
                shown = size_text(limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
                return render(
                    request,
                    "ui/error.html",
                    {
                        "title": "文件过大",
                        "message": f"上传的内容超过 {shown} 的上限，没有保存任何内容。请压缩或拆分后再传。",
                    },
                    status=413,
                )
        return self.get_response(request)

    def file_limit(self, request: HttpRequest) -> int | None:
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
                page = urlsplit(request.htmx.current_url_abs_path or "/").geturl()
                target = f"{login}?next={page}"
                status = 401
            else:
                status = 200
            fragment = HttpResponse(status=status)
            fragment["HX-Redirect"] = target
            for cookie in response.cookies.values():
                fragment.cookies[cookie.key] = cookie
            return fragment
        return response


# Entry, review, imports, accounts, evidence and administration: not even the browser may keep these.
NEVER_STORED = ("/rounds/", "/reviews/", "/imports/", "/accounts/", "/evidence/", "/entries/", "/history/", "/admin/")


class CacheMiddleware:
    """Nothing personal may stay in a shared cache; some pages not even in the browser's."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            read_page = (
                request.method in ("GET", "HEAD")
                and response.status_code == 200
                and not request.path_info.startswith(NEVER_STORED)
            )
            response["Cache-Control"] = "private, no-cache" if read_page else "no-store"
        return response
