from __future__ import annotations

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from lvyuan.audit.context import acting

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}


class HistoryMiddleware:
    """Gives each request an id, and each write in it a known author."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        if request.method in SAFE_METHODS:
            response = self.get_response(request)
        else:
            by = request.user if request.user.is_authenticated else None
            origin = f"{request.method} {request.path}"[:300]
            with acting(by=by, request_id=request_id, origin=origin):
                response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
