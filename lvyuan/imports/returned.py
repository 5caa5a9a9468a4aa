"""The error workbook: the sender's own sheet back with only the rows that failed, each with problem and remedy.

Written by a process of its own (lvyuan.imports.returned_child), since an xlsx is opened again for its looks.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.utils.translation import gettext

from lvyuan.imports.limited import run_limited
from lvyuan.imports.registry import ImportRefused
from lvyuan.imports.table import Flaw, Table

log = logging.getLogger(__name__)

MAX_ROWS: Final = 10_000  # failed rows in one workbook
MAX_CELLS: Final = 400_000
COPIED: Final = (".xlsx", ".xlsm")  # keep their looks
MAX_COPIED: Final = 5 * 1024 * 1024  # bytes of such a file; a larger one comes back plain
MEMORY: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 30
WALL_SECONDS: Final = 60

Place: TypeAlias = tuple[str, int]  # sheet, line


def returned_workbook(tables: Iterable[Table], reasons: Mapping[Place, str], *, source: Path, suffix: str) -> bytes:
    """The xlsx; `reasons` say what is wrong with a row and what to do, in the order they shall stand.

    Title, unit and header rows of each table with a failed row come along, its other rows do not. Raises ImportRefused
    when none of the rows is there or the workbook cannot be made.
    """
    spec = _spec(tables, reasons)
    if not spec:
        raise ImportRefused(gettext("没有可以退回的行：问题不在某一行上。请按页面上的办法改正原文件后重新上传。"))
    with TemporaryDirectory(dir=settings.DATA_DIR) as folder:
        told, target = Path(folder) / "spec.json", Path(folder) / "returned.xlsx"
        told.write_text(json.dumps(spec, ensure_ascii=False), "utf-8")
        keeps_looks = suffix in COPIED and source.exists() and source.stat().st_size <= MAX_COPIED
        if not (keeps_looks and _write(told, target, source)) and not _write(told, target):
            raise ImportRefused(gettext("没能生成有误行的表格。请按页面上列出的位置改正原文件。"))
        return target.read_bytes()


def _spec(tables: Iterable[Table], reasons: Mapping[Place, str]) -> list[dict[str, Any]]:
    """What the child needs of each table that has a failed row, in the file's order."""
    found, ends, left, cells = [], defaultdict[str, list[int]](list), MAX_ROWS, MAX_CELLS
    for table in tables:
        rows, last = [], table.header_line
        for row in table.rows:
            last = row.line
            reason = reasons.get((table.sheet, row.line))
            if reason is None or not left or cells < len(row.cells):
                continue
            left, cells = left - 1, cells - len(row.cells)
            texts = ["" if isinstance(cell, Flaw) else cell for cell in row.cells]
            rows.append([row.line, texts, reason])
        if rows:
            # Whatever stands between the table above and this one's header is its title, unit and notes.
            start = max((end for end in ends[table.sheet] if end < table.header_line), default=0) + 1
            told = {name: getattr(table, name) for name in ("sheet", "header_line", "above")}
            told["heads"] = [[head.number, head.path] for head in table.heads]
            found.append(told | {"start": start, "last": last, "rows": rows})
        ends[table.sheet].append(last)
    for told in found:
        told["is_end"] = told["last"] >= max(ends[told["sheet"]])
    return found


def _write(told: Path, target: Path, *source: Path) -> bool:
    """Whether the child wrote the workbook."""
    try:
        done = run_limited(
            "lvyuan.imports.returned_child",
            *(MEMORY, CPU_SECONDS, told, target, *source),
            seconds=WALL_SECONDS,
            output=subprocess.DEVNULL,
            errors=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        log.warning("writing the error workbook took too long")
        return False
    if done.returncode:
        log.warning("writing the error workbook ended with %s: %s", done.returncode, done.stderr[-2000:].decode())
    return done.returncode == 0
