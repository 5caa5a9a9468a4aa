"""Tells the database who acts and why, so that its triggers can write it into the history."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from lvyuan.accounts.models import User

INERROR = TransactionStatus.INERROR
P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar[Mapping[str, Any]] = ContextVar("lvyuan_audit_context", default=MappingProxyType({}))


def _tell_database(context: Mapping[str, Any]) -> None:
    text = json.dumps(dict(context), ensure_ascii=False) if context else ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lvyuan.context', %s, false)", [text])


@translation.override(settings.LANGUAGE_CODE)  # the history has one language, whoever acts
def _told(by: User) -> str:
    return f"{by}（{by.username}，{by.get_role_display()}）"


@contextmanager
def acting(*, by: User | None = None, reason: str = "", **more: str) -> Iterator[None]:
    """Everything written inside is recorded as done by `by`, for `reason`.

    Nested uses inherit what they do not say. `more` takes `request_id` and `origin`.
    """
    outer = _current.get()
    said: dict[str, Any] = {key: value for key, value in more.items() if value}
    if reason:
        said["reason"] = reason
    if by is not None:
        said |= {"actor_id": by.pk, "actor": _told(by)}
    inner = {**outer, **said}
    if inner == dict(outer):
        yield
        return
    token = _current.set(inner)
    _tell_database(inner)
    try:
        yield
    finally:
        _current.reset(token)
        # A failed transaction takes no more statements, and rolling back restores the setting by itself.
        if connection.connection is not None and connection.connection.info.transaction_status != INERROR:
            _tell_database(outer)


def action(func: Callable[P, R]) -> Callable[P, R]:
    """Makes a function one atomic write that the history attributes to its `by` and `reason`."""

    @functools.wraps(func)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        by: Any = kwargs.get("by")
        with acting(by=by, reason=str(kwargs.get("reason") or "")), transaction.atomic():
            return func(*args, **kwargs)

    return wrapper
