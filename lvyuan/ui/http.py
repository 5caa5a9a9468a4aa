"""Reading what every page's address may say: which period, and as known when."""

from __future__ import annotations

import datetime as dt
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext

from lvyuan.periods import Period
from lvyuan.ui.views import Missing

R = TypeVar("R", bound=HttpResponseBase)


def asked_period(request: HttpRequest) -> Period | None:
    """The month of `?period=2023-06`; None when not asked. A month that does not exist is a 404."""
    text = request.GET.get("period", "")
    if not text:
        return None
    try:
        return Period.from_code(f"{text}.month")
    except ValueError as error:
        raise Missing(
            gettext("没有“%(text)s”这个时期。请写成 年-月，例如 2023-06，或从时期列表中选择。") % {"text": text}
        ) from error


def asked_date(request: HttpRequest, name: str) -> dt.date | None:
    """The day of `?as_of=2023-08-04`; None when not asked, 404 when no such day."""
    text = request.GET.get(name, "")
    return day_of(text) if text else None


def day_of(text: str) -> dt.date:
    """The day 2023-08-04; 404 when no such day."""
    try:
        return Period.from_code(f"{text}.instant").end
    except ValueError as error:
        raise Missing(gettext("没有“%(text)s”这个日期。请写成 年-月-日，例如 2023-08-04。") % {"text": text}) from error


def asked_moment(request: HttpRequest) -> dt.datetime | None:
    """The end of the day `?known_at=2023-07-15`, local time; None when not asked."""
    day = asked_date(request, "known_at")
    if day is None:
        return None
    return timezone.make_aware(dt.datetime.combine(day, dt.time.max))


def harmless_download(response: R) -> R:
    """A file of others as it came: nothing in it may run or stay in the browser."""
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def require_role(*roles: str) -> Any:
    """403 with a Chinese sentence for everybody else, before anything is read."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_role(*roles):  # type: ignore[union-attr]
                raise PermissionDenied(gettext("您的角色不能进行这项操作，没有保存任何内容。"))
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]

        wrapper.required_roles = roles  # type: ignore[attr-defined]
        return wrapper

    return decorate
