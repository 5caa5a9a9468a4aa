"""Figures of a file into the staging table: rows copied in as they are read, then checked in sets by the database.

A plain numeral of a known indicator, district and period is copied as it stands; all else goes through `lines.Line`,
which knows every wording and fault. Staging a file needs a fixed number of statements, whatever its length.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from django.db import connection

from indicators.imports import merging, standing
from indicators.imports.checking import check_figures
from indicators.imports.lines import COLUMNS, NOTE_LENGTH, STATUSES, Candidate, Fault, Known, Line
from indicators.imports.records import Record
from indicators.imports.shape import FigureLayout
from indicators.models import Indicator, PriceBasis, StagedFigure
from indicators.models.fields import period_columns
from indicators.models.figures import RankBy, figure_key
from lvyuan.accounts.models import District
from lvyuan.imports.book import Book
from lvyuan.imports.models import ImportJob
from lvyuan.imports.problems import Problems
from lvyuan.imports.registry import Problem, Progress
from lvyuan.imports.table import Table
from lvyuan.imports.working import hashing_groups, joining_sets, planning_lists
from lvyuan.periods import Period

BATCH: Final = 2_000  # rows between two notes of the progress
# Digits that the database keeps as they are written; a zero has no sign.
is_plain: Final = re.compile(r"(?!-[0.]+\Z)-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,12})?").fullmatch
_TEXT_LENGTH: Final = 200
_LOCATOR_LENGTH: Final = 80
_KNOWN_TEXTS: Final = 100_000  # remembered texts of indicators and periods
NULL: Final = "\\N"
# fmt: off
COPIED: Final = (
    "job_id", "sheet", "seq", "line", "column", "key", "status",
    "district_id", "indicator_id", "period_kind", "period_start", "period_end", "version_id",
    "value", "comparator", "unit", "printed", "null_reason", "growth", "growth_basis", "text",
    "rank_pool_id", "rank_place", "rank_by", "figure_status", "locator", "note",
)
_BLANK: Final = (
    "period_kind", "unit", "printed", "null_reason", "growth_basis", "text", "rank_by", "figure_status", "locator",
    "note",
)
# fmt: on
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def stage_figures(job: ImportJob, book: Book, layout: FigureLayout, department: int | None, progress: Progress) -> None:
    """Fills the job's staged figures and problems. Runs inside the caller's transaction."""
    problems = Problems(job)
    quoted = ", ".join(f'"{name}"' for name in COPIED)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{StagedFigure._meta.db_table}" ({quoted}) FROM STDIN') as copy,
    ):
        for lines in _Writer(job, layout.known, problems, progress).lines(book, layout):
            copy.write("".join(lines))
    with joining_sets():
        with hashing_groups():
            merging.merge(job, problems)
        standing.compare(job, problems)
    with planning_lists():
        check_figures(job, problems, department)
    problems.save()


class _Writer:
    """Turns records into lines of COPY text."""

    def __init__(self, job: ImportJob, known: Known, problems: Problems, progress: Progress) -> None:
        self.job, self.known, self.problems, self.progress = job.pk, known, problems, progress
        self.slots: dict[tuple[str, str], tuple[str, str, str, str] | None] = {}
        self.districts: dict[str, tuple[int, str] | None] = {}
        self.periods: dict[Period, tuple[str, str]] = {}
        self.columns: Mapping[str, str] = {}  # of the last plain record, whose `column` they give
        self.column = ""
        self.seq = 0

    def lines(self, book: Book, layout: FigureLayout) -> Iterator[list[str]]:
        """The lines of all records, in batches."""
        batch: list[str] = []
        for table in book.tables:
            sheet = _escaped(table.sheet[:80])
            before, after = f"工作表“{sheet}”第" if sheet else "第", table.unit
            for record in layout.records(table):
                self.seq += 1
                batch.append(self.plain(record, sheet, before, after) or self.read(record, table))
                if len(batch) == BATCH:
                    yield batch
                    self.progress(self.seq)
                    batch = []
        yield batch

    def plain(self, record: Record, sheet: str, before: str, after: str) -> str:
        """The line of a record that says nothing but plain numerals; empty for any other."""
        cells = record.cells
        get = cells.get
        value, growth = get("value", ""), get("growth", "")
        if record.flaws or get("rank") or get("rank_by"):
            return ""
        if not value and not growth:
            return ""
        if (value and not is_plain(value)) or (growth and not is_plain(growth)):
            return ""
        slot = self.slot(get("indicator", ""), get("period", ""))
        district = self.district(get("district", ""))
        if slot is None or district is None:
            return ""
        code, columns, unit, period = slot
        if value and (not unit or get("unit", "") not in ("", unit)):
            return ""
        status, text, note = get("status", ""), get("text", ""), get("note", "")
        if (status and status not in STATUSES) or len(text) > _TEXT_LENGTH or len(note) > NOTE_LENGTH:
            return ""
        if record.columns is not self.columns:
            self.columns, self.column = record.columns, record.column
        column = self.column
        place = f"{before}{record.line}{after}{column}{'列' if column else ''}"
        return (
            f"{self.job}\t{sheet}\t{self.seq}\t{record.line}\t{column}\t{code}/{district[1]}/{period}\tnew\t"
            f"{district[0]}\t{columns}\t{value or NULL}\t=\t{unit if value else ''}\t\t\t{growth or NULL}\t"
            f"{_UNSTATED if growth else ''}\t{text and _escaped(text)}\t{NULL}\t{NULL}\t\t"
            f"{status and STATUSES[status]}\t{place[:_LOCATOR_LENGTH]}\t{note and _escaped(note)}\n"
        )

    def slot(self, indicator: str, period: str) -> tuple[str, str, str, str] | None:
        """Code, columns from indicator to version, unit and period code of these texts; None where one is unclear."""
        try:
            return self.slots[indicator, period]
        except KeyError:
            pass
        found: tuple[str, str, str, str] | None = None
        try:
            one = self.known.indicator(indicator)
            slot = self.known.period(period, one)
            version = self.known.version(one, slot)
        except Fault:
            pass
        else:
            if slot not in self.periods:
                self.periods[slot] = "\t".join(map(_field, period_columns_in_order(slot))), slot.code
            columns, code = self.periods[slot]
            found = one.code, f"{one.pk}\t{columns}\t{version.pk}", version.unit, code
        if len(self.slots) >= _KNOWN_TEXTS:
            self.slots.clear()
        self.slots[indicator, period] = found
        return found

    def district(self, text: str) -> tuple[int, str] | None:
        """Id and code of the district, None where the text is unclear."""
        if text not in self.districts:
            try:
                district = self.known.district(text)
            except Fault:
                self.districts[text] = None
            else:
                self.districts[text] = district.pk, district.code
        return self.districts[text]

    def read(self, record: Record, table: Table) -> str:
        """The line of any record; what is wrong in it becomes problems."""
        place = table.place(record.line)
        if record.column:
            place = f"{place}{record.column}列"
        line = Line(record, self.known, place)
        candidate = line.read()
        flaws = [Fault(name, flaw.problem, flaw.remedy) for name, flaw in record.flaws]
        # What could not be read hides what would be missing without it.
        flawed = {name for name, _ in record.flaws} | ({""} if flaws else set())
        is_whole = any(not name for name, _ in record.flaws)
        faults = flaws if is_whole else [*flaws, *(fault for fault in line.faults if fault.column not in flawed)]
        if flaws:
            candidate = None
        if faults:
            self.note(faults, record, table)
        said: dict[str, Any] = {
            "job_id": self.job,
            "seq": self.seq,
            "sheet": table.sheet[:80],
            "line": record.line,
            "column": record.column[:10],
            "status": "new" if candidate else "refused",
            "key": "/".join(filter(None, (record["indicator"], record["district"], record["period"])))[:160],
        }
        if line.identity is not None:
            said |= _address(*line.identity)
        if candidate:
            said |= _content(candidate, self.known)
        else:
            said["note"] = _raw(record, leave_out=_ADDRESSES if line.identity else ())
        return "\t".join(_field(said.get(name, _DEFAULTS.get(name))) for name in COPIED) + "\n"

    def note(self, faults: list[Fault], record: Record, table: Table) -> None:
        for fault in faults:
            heading = COLUMNS[fault.column].names[0] if fault.column in COLUMNS else ""
            self.problems.add(
                Problem(
                    sheet=table.sheet,
                    line=record.line,
                    column=record.columns.get(fault.column) or heading,
                    message=fault.message,
                    remedy=fault.remedy,
                )
            )


_UNSTATED: Final = PriceBasis.UNSTATED.value
_DEFAULTS: Final = dict.fromkeys(_BLANK, "") | {"comparator": "="}


def period_columns_in_order(period: Period) -> tuple[Any, ...]:
    """Kind, start and end, as they stand in COPIED."""
    columns = period_columns(period)
    return columns["period_kind"], columns["period_start"], columns["period_end"]


def _address(indicator: Indicator, district: District, period: Period) -> dict[str, Any]:
    return {
        "district_id": district.pk,
        "indicator_id": indicator.pk,
        "key": figure_key(indicator.code, district.code, period),
        **period_columns(period),
    }


def _content(candidate: Candidate, known: Known) -> dict[str, Any]:
    said = candidate.content.columns()
    pool, status = said.pop("rank_pool"), said.pop("status")
    return said | {
        "version_id": known.version(candidate.indicator, candidate.period).pk,
        "rank_pool_id": pool.pk if pool else None,  # type: ignore[attr-defined]
        "figure_status": status if candidate.states_status else "",
    }


def _raw(record: Record, leave_out: Collection[str]) -> str:
    """What a refused row says, as it says it."""
    said = ((COLUMNS[name].names[0], text) for name, text in record.cells.items() if text and name not in leave_out)
    return "；".join(f"{name} {_RANKED.get(text, text)}" for name, text in said)[:NOTE_LENGTH]


_ADDRESSES: Final = ("indicator", "district", "period")
_RANKED: Final = dict(RankBy.choices)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _field(value: object) -> str:
    return NULL if value is None else _escaped(str(value))
