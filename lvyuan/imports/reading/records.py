"""Reads JSON: a list of records, sections of records as in our fixtures, or Django's model, pk and fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lvyuan.imports.reading.report import Report
from lvyuan.imports.reading.text import encoding_of
from lvyuan.imports.table import MAX_COLUMNS, STRIP, Cell, Flaw, Head, Row, Table, Unreadable, shown, text_cell
from lvyuan.numbers import _

DEFAULTS: Final = "defaults"  # completes every record of the file, as in our fixtures
MAX_DEPTH: Final = 20


class Digits(str):
    """A number with its digits as they stand in the file."""

    __slots__ = ()


def read(path: Path, report: Report) -> Iterator[Table]:
    """One table per section or model, its heads the fields' names in the order of first use. Raises Unreadable."""
    sections = _sections(_load(path), report)
    if not any(records for _name, records in sections):
        raise Unreadable(_("JSON 的记录列表是空的。请补上数据后再上传。"))
    for name, records in sections:
        if records:
            yield _table(name, records)


def _load(path: Path) -> Any:
    with open(path, encoding=encoding_of(path)) as file:
        try:
            data = json.load(
                file,
                parse_float=Digits,  # digits stay as written; nothing becomes a float
                parse_int=Digits,
                parse_constant=_refuse_constant,
                object_pairs_hook=_one_of_each,
            )
        except json.JSONDecodeError as error:
            raise Unreadable(
                f"不是有效的 JSON：第 {error.lineno} 行第 {error.colno} 个字符附近写法有误。请改正后再上传。"
            ) from error
        except RecursionError as error:
            raise _too_deep() from error
    return data


def _too_deep() -> Unreadable:
    return Unreadable(f"JSON 嵌套超过 {MAX_DEPTH} 层。请写成一个记录列表。")


def _sections(data: Any, report: Report) -> list[tuple[str, list[dict[str, Any]]]]:
    if isinstance(data, list):
        return _models(data) or [("", _records("", data, {}))]
    if not isinstance(data, dict) or not any(isinstance(value, list) for value in data.values()):
        raise Unreadable(_('JSON 里没有记录列表。请写成 [{…}, {…}] 或 {"observations": [{…}, {…}]}。'))
    defaults = data.get(DEFAULTS, {})
    if not isinstance(defaults, dict):
        raise Unreadable(_("JSON 的 defaults 不是记录（{…}）。请改正后再上传。"))
    found = []
    for name, value in data.items():
        if isinstance(value, list):
            found.append((shown(name, 60), _records(f"“{shown(name)}”", value, defaults)))
        elif name != DEFAULTS:
            report.skipped.append(shown(name, 60))
    return found


def _records(where: str, data: list[Any], defaults: dict[str, Any]) -> list[dict[str, Any]]:
    for line, record in enumerate(data, 1):
        if not isinstance(record, dict):
            raise Unreadable(f"{where}第{line}条不是记录（{{…}}）。请把每条数据写成一个记录。")
    if not defaults:
        return data
    return [record | {name: value for name, value in defaults.items() if name not in record} for record in data]


def _models(data: list[Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Django's way, by model; empty when the list is anything else."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in data:
        if not (isinstance(item, dict) and item.keys() - {"pk"} == {"model", "fields"}):
            return []
        model, fields = item["model"], item["fields"]
        if not isinstance(model, str) or not isinstance(fields, dict):
            return []
        found.setdefault(shown(model, 60), []).append(({"pk": item["pk"]} if "pk" in item else {}) | fields)
    return list(found.items())


def _table(name: str, records: list[dict[str, Any]]) -> Table:
    fields: dict[str, None] = {}
    for line, record in enumerate(records, 1):
        fields |= dict.fromkeys(record)
        if len(fields) > MAX_COLUMNS:
            raise Unreadable(
                f"到第{line}条已有 {len(fields)} 个不同的字段，超过 {MAX_COLUMNS} 个的上限。请删去多余的字段。"
            )
    if not fields:
        raise Unreadable(_("JSON 的记录里没有任何字段。请补上数据后再上传。"))
    heads = []
    for number, field in enumerate(fields, 1):
        cell = text_cell(field)
        if isinstance(cell, Flaw):
            raise Unreadable(f"第 {number} 个字段的名称{cell.problem}。{cell.remedy}。")
        heads.append(Head(0, (cell,) if cell else ()))
    return Table(sheet=name, unit="条", heads=heads, rows=_rows(records, list(fields)))


def _rows(records: list[dict[str, Any]], fields: list[str]) -> Iterator[Row]:
    for line, record in enumerate(records, 1):
        cells = [_cell(record.get(name)) for name in fields]
        if any(cells):
            yield Row(line, cells)


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return text_cell(value.strip(STRIP) if isinstance(value, Digits) else value)
    return _written(value)


def _written(value: Any, depth: int = 1) -> str:
    """A list or record inside a record as JSON again, numbers with their own digits; true, false."""
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_written(item, depth + 1) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name, ensure_ascii=False)}: {_written(item, depth + 1)}" for name, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> str:
    raise Unreadable(f"JSON 里有 {name}，它不是数。没有数据请写 null。")


def _one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"JSON 的同一条记录里“{shown(twice)}”出现了不止一次。请只留一个。")
    return record
