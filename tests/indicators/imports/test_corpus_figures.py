"""The corpus's tables of figures, from the file to what a row means, without the staging."""

from __future__ import annotations

import pytest

from indicators.imports.lines import Line, known_to
from indicators.imports.shape import layout_of
from lvyuan.imports.finding import find_tables
from lvyuan.imports.reading import read
from lvyuan.imports.table import Table
from lvyuan.numbers import plain
from tests.imports.corpus import Case, Fact, cases

pytestmark = pytest.mark.django_db


def tables_of(path, suffix: str) -> list[Table]:
    found = []
    for grid in read(path, suffix):
        for table in [grid] if isinstance(grid, Table) else find_tables(grid):
            table.rows, table.number = list(table.rows), len(found) + 1
            found.append(table)
    return found


CASES = [case for case in cases("figures", "shapes") if case.figures is not None or case.family == "figures"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_file(case: Case, cast, tmp_path):
    path = tmp_path / case.name
    case.write(path)
    tables, known = tables_of(path, case.suffix), known_to(cast.admin)
    asked = layout_of(tables, {}, known)
    assert sorted(question.code for question in asked.open_questions) == sorted(case.asks)
    layout = layout_of(tables, case.answers, known)
    assert [question.code for question in layout.open_questions] == []
    facts, faults = [], []
    for table in tables:
        for record in layout.records(table):
            flawed = [(record.columns.get(field, ""), f"{flaw.problem} {flaw.remedy}") for field, flaw in record.flaws]
            faults += [(table.sheet, record.line, *said) for said in flawed]
            if flawed:
                continue
            line = Line(record, known, table.place(record.line))
            if candidate := line.read():
                content = candidate.content
                facts.append(
                    Fact(
                        candidate.indicator.code,
                        candidate.district.code,
                        candidate.period.code,
                        None if content.value is None else plain(content.value),
                        None if content.growth is None else plain(content.growth),
                    )
                )
            faults += [
                (table.sheet, record.line, record.columns.get(fault.column, ""), f"{fault.message} {fault.remedy}")
                for fault in line.faults
            ]
    if case.refused:
        assert len(faults) == 1
        assert tuple(faults[0][:3]) == case.place
        assert case.refused in faults[0][3]
    else:
        assert faults == []
        assert tuple(facts) == case.figures
