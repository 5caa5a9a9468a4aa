"""What an import of figures costs: a long CSV beside a bare COPY of the same rows, and a workbook beside its reader."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import serving
from tests.bench.lines import Line, compared, milliseconds
from tests.bench.measures.writing import ask
from tests.bench.scene import Scene, measure, sign_in

USUAL_ROWS = 200_000
ROWS = int(os.environ.get("BENCH_ROWS", USUAL_ROWS))  # 1 000 000 for the whole of it
MONTHS, DISTRICTS = 200, 5  # of each indicator: figures
SHEET_ROWS, OPENED = 100_000, 7
TABLES = ("indicators_observation", "indicators_vintage")


@measure(f"导入：{ROWS} 行 CSV 从读取到入库，相对于把同样的行直接 COPY 进带索引的表")
def imports(scene: Scene) -> Iterator[Line]:
    """As the operator publishes; staging commits, the other steps are rolled back, deferred checks included."""
    folder = prepare(scene, ROWS)
    staged = stage(write_csv(folder, ROWS))
    plain, copied = publish(staged.job, recorded=False)
    base = Line("imports.copy", round(copy_bare(copied), 2), "s")
    yield base
    yield compared(Line("imports.staging", round(staged.seconds, 2), "s"), base)
    yield compared(Line("imports.vintages", round(plain, 2), "s"), base)
    recorded, _ = publish(staged.job, recorded=True)
    yield compared(Line("imports.history", round(max(0.0, recorded - plain), 2), "s"), base)
    yield compared(Line("imports.commit", round(staged.seconds + recorded, 2), "s"), base, "≤ 12")
    yield Line("imports.memory.parent", staged.own, "MiB")
    yield Line("imports.memory.child", staged.child, "MiB")
    yield Line("imports.memory", round(staged.own + staged.child, 1), "MiB", goal="≤ 400")


@measure(f"导入：{SHEET_ROWS} 行 xlsx 的预览，相对于只用 python-calamine 读一遍；预览页和审核页")
def imports_preview(scene: Scene) -> Iterator[Line]:
    """The pages over HTTP, one client, the median of some requests."""
    from python_calamine import CalamineWorkbook

    folder = prepare(scene, SHEET_ROWS)
    path = write_xlsx(folder, SHEET_ROWS)
    started = time.perf_counter()
    read = len(CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python())
    base = Line("preview.calamine", round(time.perf_counter() - started, 2), "s")
    assert read == SHEET_ROWS + 1
    yield base
    staged = stage(path)
    yield compared(Line("preview.xlsx", round(staged.seconds, 2), "s"), base, "≤ 8")
    from indicators.actions import submit_staged
    from lvyuan.accounts.models import User
    from lvyuan.imports.models import ImportJob

    job = ImportJob.objects.get(pk=staged.job)
    yield Line("preview.page", opened(scene, job.get_absolute_url(), "admin"), "ms", goal="≤ 300")
    submission = submit_staged(by=User.objects.get(username="admin"), job=job)
    yield Line("preview.review_page", opened(scene, submission.get_absolute_url(), "reviewer"), "ms", goal="≤ 1000")


def opened(scene: Scene, path: str, username: str) -> float:
    cookie = sign_in(scene.app, username)
    return milliseconds(statistics.median([ask(scene.app, path, cookie) for _ in range(OPENED)]))


# The figures


def prepare(scene: Scene, rows: int) -> Path:
    """A folder, and indicators enough for the rows, defined for all their months."""
    assert scene.app
    from django.db import connection

    from indicators.models import Indicator, IndicatorVersion
    from tests.indicators.factories import many_indicators

    needed = -(-rows // (MONTHS * DISTRICTS))
    there = Indicator.objects.filter(code__startswith="import-").count()
    if there < needed:
        many_indicators(needed - there, prefix=f"import-{there}")
        own = IndicatorVersion.objects.filter(indicator__code__startswith="import-")
        own.update(valid_from=dt.date(1990, 1, 1))
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ANALYZE")
    return Path(scene.data)


def figures(rows: int) -> Iterator[list[str]]:
    """Header and rows, as a department writes them: growing a little from month to month."""
    from indicators.models import Indicator
    from lvyuan.accounts.models import District

    yield ["指标", "区划", "时期", "数值", "同比增长"]
    codes = Indicator.objects.filter(code__startswith="import-").order_by("pk").values_list("code", flat=True)
    districts = list(District.objects.order_by("pk").values_list("code", flat=True)[:DISTRICTS])
    written = 0
    for code in codes:
        for district in districts:
            for month in range(MONTHS):
                if written == rows:
                    return
                written += 1
                year, number = 2006 + month // 11, month % 11 + 2  # the calendar begins in February
                yield [code, district, f"{year}-{number:02}.ytd", f"{number * 10 + month / 10:.1f}", "5.1"]


def write_csv(folder: Path, rows: int) -> Path:
    path = folder / "figures.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(figures(rows))
    return path


def write_xlsx(folder: Path, rows: int) -> Path:
    from openpyxl import Workbook

    path, book = folder / "figures.xlsx", Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    for number, row in enumerate(figures(rows)):
        sheet.append([*row[:3], *map(float, row[3:])] if number else row)
    book.save(path)
    return path


# The steps


@dataclass(frozen=True)
class Staged:
    job: int
    seconds: float
    own: float  # MiB
    child: float


def stage(path: Path) -> Staged:
    """The file read, understood, staged and checked, by a process of its own."""
    command = [sys.executable, "-m", "tests.bench.staging", str(path)]
    done = subprocess.run(command, cwd=serving.ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout)
    if told["state"] != "previewed" or told["counts"]["refused"]:
        raise RuntimeError(f"没有全部核对通过：{told}")
    return Staged(told["job"], told["seconds"], told["own"], told["child"])


def publish(job: int, *, recorded: bool) -> tuple[float, dict[str, bytes]]:
    """Seconds until the staged figures are approved and checked; unless recorded also the rows. Rolled back."""
    from django.db import connection, transaction

    from indicators.actions import publish_staged
    from indicators.models import Source
    from lvyuan.imports.models import ImportJob

    rows: dict[str, bytes] = {}
    source = Source.objects.first()
    assert source
    with transaction.atomic(), connection.cursor() as cursor:
        if not recorded:
            disable_history(cursor)
        started = time.perf_counter()
        made = publish_staged(job=ImportJob.objects.get(pk=job), source=source)
        seconds = time.perf_counter() - started
        if not recorded:
            first = made.order_by("pk").values_list("pk", flat=True)[0]
            for table, key in zip(TABLES, ("current_id", "id"), strict=True):
                rows[table] = copied_out(cursor, f"SELECT * FROM {table} WHERE {key} >= {first}")
        transaction.set_rollback(True)
    return seconds, rows


def disable_history(cursor: Any) -> None:
    for table in TABLES:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger_record_%%'", [table]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")


def copied_out(cursor: Any, query: str) -> bytes:
    buffer = io.BytesIO()
    with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        for part in copy:
            buffer.write(part)
    return buffer.getvalue()


def copy_bare(rows: dict[str, bytes]) -> float:
    """Seconds to COPY the rows into tables with the same columns and indexes, and neither keys nor triggers."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for table in rows:
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING DEFAULTS INCLUDING INDEXES)")
            cursor.execute(f"INSERT INTO bare_{table} SELECT * FROM {table}")
        started = time.perf_counter()
        for table, lines in rows.items():
            with cursor.copy(f"COPY bare_{table} FROM STDIN") as copy:
                for start in range(0, len(lines), 1 << 20):
                    copy.write(lines[start : start + (1 << 20)])
        seconds = time.perf_counter() - started
        transaction.set_rollback(True)
    return seconds
