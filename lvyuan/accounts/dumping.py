"""Writes the database as fixture files, the inverse of lvyuan.accounts.loading; the ground floor and the helpers."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import models
from django.utils import timezone

from lvyuan.accounts.loading import column
from lvyuan.accounts.models import Department, District
from lvyuan.numbers import plain

Entry = dict[str, Any]


def told(instance: models.Model, *names: str) -> Entry:
    """These columns as a file says them; what is as it would be anyway is left out."""
    said: Entry = {}
    for name in names:
        value = getattr(instance, name)
        own = column(type(instance), name)
        default = None if own.has_db_default() else own.get_default()
        if value is None or (value == default and not isinstance(value, Decimal)):
            continue
        said[name] = plainly(value)
    return said


def plainly(value: Any) -> Any:
    """Numbers digit for digit, days and moments as ISO writes them."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def linked(**things: Any) -> Entry:
    """What is referred to, by code; without what is not there."""
    return {name: thing.code for name, thing in things.items() if thing is not None}


class Writer:
    """Files of a new directory, entry by entry, so that no file is in memory as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[str, int] = {}

    def write(self, file: str, **sections: Iterable[Entry]) -> None:
        """One file with these sections, in their order."""
        with open(self.path / file, "w", encoding="utf-8") as target:
            target.write("{")
            for place, (key, entries) in enumerate(sections.items()):
                target.write(f'{"," if place else ""}\n "{key}": [')
                count = 0
                for entry in entries:
                    target.write(f"{',' if count else ''}\n  {json.dumps(entry, ensure_ascii=False)}")
                    count += 1
                target.write("\n ]" if count else "]")
                self.counts[f"{file} {key}"] = count
            target.write("\n}\n")


def parents_first(things: Iterable[Any]) -> list[Any]:
    """Trees in an order in which each thing stands behind its parent; otherwise as they came."""
    below: dict[int | None, list[Any]] = {}
    for thing in things:
        below.setdefault(thing.parent_id, []).append(thing)
    ordered: list[Any] = []
    waiting = list(below.get(None, ()))
    while waiting:
        thing = waiting.pop(0)
        ordered.append(thing)
        waiting[:0] = below.get(thing.pk, ())
    return ordered


def districts() -> list[Entry]:
    found = parents_first(District.objects.select_related("parent").order_by("code"))
    return [told(one, "code", "name", "name_en", "short_name", "level") | linked(parent=one.parent) for one in found]


def dump(writer: Writer, *, districts_too: Mapping[str, Iterable[Entry]]) -> None:
    """Districts, with what the floors above keep in the same file, and departments."""
    writer.write("districts.json", districts=districts(), **districts_too)
    fields = ("code", "name", "short_name", "is_assumed", "order", "head", "statistics_head", "phone", "needs_sign_off")
    found = Department.objects.select_related("district").order_by("district__code", "order", "code")
    writer.write("departments.json", departments=(linked(district=one.district) | told(one, *fields) for one in found))
