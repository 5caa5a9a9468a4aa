"""The history as a file, read as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.forms import BaseForm

from lvyuan.audit.models import Event
from lvyuan.ui.export import Book, Sheet, text


def _json(columns: Mapping[str, Any] | None) -> str:
    return "" if columns is None else json.dumps(columns, ensure_ascii=False, sort_keys=True)


def history_book(events: Iterable[Event], names: Mapping[str, str], form: BaseForm) -> Book:
    """Events in their order; `names` are the models' names by label."""
    columns = [
        text("编号", lambda event: event.pk),
        text("时间", lambda event: event.at, width=18),
        text("操作", lambda event: event.get_operation_display()),
        text("对象", lambda event: names.get(event.model, event.model), width=18),
        text("对象编号", lambda event: event.object_pk),
        text("操作人", lambda event: event.actor),
        text("来源", lambda event: event.origin, width=24),
        text("理由", lambda event: event.reason, width=30),
        text("改动的列", lambda event: "、".join(column for column, _, _ in event.changes), width=30),
        text("改前", lambda event: _json(event.before), width=40),
        text("改后", lambda event: _json(event.after), width=40),
        text("请求号", lambda event: event.request_id, width=20),
        text("事务", lambda event: event.transaction_id),
        text("数据库用户", lambda event: event.db_user),
        text("连接程序", lambda event: event.application_name),
    ]
    return Book(
        "历史", [Sheet("events", "历史事件", columns, events)], form=form, notes=["由数据库触发器记录，只增不改。"]
    )
