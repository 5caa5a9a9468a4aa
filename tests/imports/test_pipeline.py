"""Figures of a file: what each row would do, every fault at once, and all or nothing.

The approved figures are the article's: 规模以上工业总产值 2023-06 is 223.7亿元, +17 %, first of five (by what is
unstated); 地区生产总值 2023-06 is +10.1 % and first by growth, without a level.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
from dataclasses import dataclass
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators.actions import approve, return_submission
from indicators.imports import OBSERVATIONS
from indicators.models import CheckExemption, Entry, Indicator, IndicatorVersion, Observation, StagedFigure, Vintage
from indicators.rows import figure_row
from lvyuan.accounts.models import Role
from lvyuan.audit.models import Event
from lvyuan.imports import actions, pipeline, problems, registry
from lvyuan.imports.book import Book
from lvyuan.imports.models import ImportJob, SavedMapping
from lvyuan.imports.registry import ImportConflict, ImportRefused, ShownRow
from lvyuan.imports.table import Flaw, Head, Row, Table
from lvyuan.imports.working import activity, queueing_lock
from lvyuan.periods import Period
from tests.conftest import HOME, make_user
from tests.imports import files
from tests.indicators.factories import figure, imported

pytestmark = pytest.mark.django_db
JULY = {"指标": "industrial_output", "时期": "2023年1—7月"}
CURRENT = "223.7亿元；同比 17%；五城区第1位（未说明按总量还是增速）"
JUNE = {"指标": "industrial_output", "时期": "2023年1—6月"}
WHOLE_JUNE = JUNE | {"数值": "223.7", "同比增长": "17", "位次": "1", "位次依据": "未说明"}


def table_of(*rows: dict[str, str], sheet: str = "数据") -> Table:
    """A table whose columns are those of all rows together, its header on line 1."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [Row(line, [row.get(name, "") for name in header]) for line, row in enumerate(rows, 2)]
    return Table(sheet=sheet, header_line=1, heads=heads(header), rows=lines)


def heads(names: list[str]) -> list[Head]:
    return [Head(number, (name,) if name else ()) for number, name in enumerate(names, 1)]


@dataclass
class Staged:
    """A staged job: its rows in words and as they stand, its problems."""

    job: ImportJob
    rows: list[ShownRow]
    figures: list[StagedFigure]
    problems: list[tuple[int, str, str]]

    @property
    def counts(self) -> tuple[int, ...]:
        counts = self.job.preview["counts"]
        return tuple(counts[name] for name in ("new", "changed", "same", "refused"))

    @property
    def refusing(self) -> list[tuple[int, str, str]]:
        found = self.job.problems.filter(severity__in=pipeline.REFUSING)
        return list(found.values_list("line", "column", "message"))


def staged(cast, *rows: dict[str, str], tables: list[Table] | None = None, answers: dict | None = None) -> Staged:
    """The rows as one table of a file that was read, staged for the admin."""
    found = tables or [table_of(*rows)]
    book = Book(tables=found, total=sum(len(table.rows) for table in found))
    file = pipeline.Received(Path("unread"), "七月.csv", ".csv", "0" * 64, 1)
    job = actions.stage_book(by=cast.admin, file=file, kind="observations", book=book, answers=answers or {})
    figures = list(OBSERVATIONS.staged(job))
    return Staged(
        job,
        [row for row in OBSERVATIONS.shown(figures, cast.admin) if row.status != "refused"],
        [one for one in figures if one.status != "refused"],
        list(job.problems.values_list("line", "column", "message")),
    )


def upload(*rows: list[object], name: str = "七月.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.csv_bytes(*rows))


def july_file(value: object = "254.10", **more: object) -> SimpleUploadedFile:
    return upload(
        ["指标", "时期", "数值", "同比增长", *more], ["industrial_output", "2023年1—7月", value, "16.2", *more.values()]
    )


def stored_files(settings) -> list[Path]:
    """What is kept of files; what was read of them is no more than a note."""
    folder = Path(settings.DATA_DIR) / "imports"
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".rows"] if folder.exists() else []


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


# What a row would do


def test_new_row(cast):
    found = staged(cast, JULY | {"数值": "254.10", "同比增长": "16.2", "位次": "1", "位次依据": "按增速"})
    (row,), (one,) = found.rows, found.figures
    assert (one.line, one.column, row.status, row.key) == (2, "C", "new", "industrial_output/220106/2023-07.ytd")
    assert (row.title, row.period) == ("规模以上工业总产值", "2023年1—7月")
    assert (row.old, row.new) == ("", "254.10亿元；同比 16.2%；五城区第1位（按增速）")
    assert (str(one.value), one.unit, str(one.growth), one.figure_status) == ("254.10", "亿元", "16.2", "")
    assert one.locator == "工作表“数据”第2行C列"


def test_row_that_repeats_what_is_approved_is_the_same(cast):
    part = {"指标": "gdp", "时期": "2023年上半年", "同比增长": "10.1"}
    found = staged(cast, WHOLE_JUNE, part)
    assert [row.status for row in found.rows] == ["same", "same"]
    assert not pipeline.is_ready(found.job)


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ({"数值": "223.70"}, "223.70亿元；同比 17%"),
        ({"同比增长": "17.0"}, "223.7亿元；同比 17.0%"),
        ({"位次": "2"}, "223.7亿元；同比 17%"),
        ({"位次依据": "按总量"}, "223.7亿元；同比 17%"),
    ],
)
def test_row_with_other_digits_is_a_change(cast, said, new):
    (row,) = staged(cast, WHOLE_JUNE | said).rows
    assert row.status == "changed"
    assert row.old == CURRENT
    assert row.new.startswith(new)


@pytest.mark.parametrize("place", ["1", "１", "第1位", "第1名"])
def test_place_as_offices_write_it(cast, place):
    assert staged(cast, WHOLE_JUNE | {"位次": place}).rows[0].status == "same"


@pytest.mark.parametrize("mark", ["…", "—", "-"])
def test_mark_in_the_place_of_a_rank_states_none(cast, mark):
    (row,) = staged(cast, JULY | {"数值": "254.1", "位次": mark, "位次依据": "按增速"}).rows
    assert (row.status, row.new) == ("new", "254.1亿元")


def test_stated_status_is_a_change_and_shown(cast):
    found = staged(cast, WHOLE_JUNE | {"数据状态": "最终核实"})
    assert (found.rows[0].status, found.figures[0].figure_status) == ("changed", "final")
    assert (found.rows[0].old[-5:], found.rows[0].new[-6:]) == ("（未说明）", "（最终核实）")


def test_correction_that_would_drop_a_figure_is_refused(cast):
    found = staged(cast, JUNE | {"数值": "224.0"})
    assert found.counts == (0, 0, 0, 1)
    assert found.problems == [
        (2, "C", f"现行数据（{CURRENT}）的同比增长、位次在这一行没有写全，导入后会丢失"),
    ]


def test_withdrawn_figure_counts_as_none(cast):
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元")
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", status="withdrawn", reason="填错")
    (row,) = staged(cast, JULY | {"数值": "250"}).rows
    assert (row.status, row.old) == ("new", "")


def test_other_district_is_named(cast):
    rows = staged(
        cast,
        JUNE | {"数值": "300", "区划": "宽城区"},
        JUNE | {"数值": "301", "区划": "220104"},
        JULY | {"数值": "302", "区划": ""},
    ).rows
    assert [row.key.split("/")[1] for row in rows] == ["220103", "220104", HOME]
    assert rows[0].title == "规模以上工业总产值（宽城区）"


@pytest.mark.parametrize("name", ["industrial_output", "规模以上工业总产值", "规上工业总产值", "工业总产值"])
def test_indicator_by_code_name_or_alias(cast, name):
    (row,) = staged(cast, JULY | {"指标": name, "数值": "254"}).rows
    assert row.key.startswith("industrial_output/")


@pytest.mark.parametrize(
    ("code", "text", "period"),
    [
        ("industrial_output", "2023年1-7月", "2023-07.ytd"),
        ("industrial_output", "2023-07.ytd", "2023-07.ytd"),
        ("industrial_output", "2022年上半年", "2022-06.ytd"),
        ("gdp", "2023年一季度", "2023-03.ytd"),
        ("population", "2022-12-31", "2022-12-31.instant"),
        ("population", "2022年末", "2022-12-31.instant"),
    ],
)
def test_period_is_read_in_the_indicators_own_kind(cast, code, text, period):
    (row,) = staged(cast, {"指标": code, "时期": text, "数值": "70"}).rows
    assert row.key.endswith(period)


# Units


@pytest.mark.parametrize(
    ("said", "value", "printed"),
    [
        ({"数值": "2541000", "单位": "万元"}, "254.1", ""),
        ({"数值": "2541000万元"}, "254.1", ""),
        ({"数值": "254.1亿元", "单位": "亿元"}, "254.1", ""),
        ({"数值": "2,541,000.00", "单位": "万元"}, "254.1", ""),
        ({"数值": "２５４．１０", "单位": ""}, "254.10", ""),
        ({"数值": "254余"}, "254", "254余亿元"),
        ({"数值": "2540000余", "单位": "万元"}, "254", "2540000余万元"),
        ({"数值": "约254亿元"}, "254", "约254亿元"),
        ({"数值": "-0.0"}, "0.0", ""),
    ],
)
def test_value_comes_in_the_indicators_unit(cast, said, value, printed):
    (one,) = staged(cast, JULY | said).figures
    assert (str(one.value), one.unit, one.printed) == (value, "亿元", printed)


def test_same_figure_in_another_unit_is_no_change(cast):
    assert staged(cast, JUNE | {"数值": "2237000", "单位": "万元"}).counts == (0, 0, 1, 0)


# Faults


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (JULY | {"指标": "gdp", "时期": "2023年1—7月", "数值": "254"}, "时期", "它的报送日历是：每季"),
        (JULY | {"时期": "2199年1—7月", "数值": "254"}, "时期", "“2199年1—7月”还没有结束"),
        (JULY | {"时期": "1999年1—7月", "数值": "254"}, "指标", "在1999年1—7月没有生效的口径"),
        (JULY | {"时期": "2023-07.nope", "数值": "254"}, "时期", "不是认得的期别写法"),
        (JULY | {"数值": "NaN"}, "数值", "“NaN”不是认得的数据写法"),
        (JULY | {"数值": "1e400"}, "数值", "“1e400”不是认得的数据写法"),
        (JULY | {"数值": "1_000"}, "数值", "“1_000”不是认得的数据写法"),
        (JULY | {"数值": "٣"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "5²"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "=1+1"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "254.0000000000001"}, "数值", "位数过多"),
        (JULY | {"数值": "动态清零"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "254.1", "单位": "万人"}, "单位", "两种单位不可换算"),
        (JULY | {"数值": "254.1亿元", "单位": "万元"}, "数值", "文字的单位是亿元，本列的单位是万元"),
        (JULY | {"数值": "17.1%"}, "数值", "两种单位不可换算"),
        (JULY | {"数值": "近万"}, "数值", "没有单位，不能确定"),
        (JULY | {"同比增长": "17.1个百分点"}, "同比增长", "百分点是两个增速之差"),
        (JULY | {"同比增长": "约17%"}, "同比增长", "不是确切的增速"),
        (JULY | {"位次": "6", "位次依据": "按增速"}, "位次", "“6”不是 1 到 5 的位次"),
        (JULY | {"位次": "0", "位次依据": "按增速"}, "位次", "“0”不是 1 到 5 的位次"),
        (JULY | {"位次": "前三", "位次依据": "按增速"}, "位次", "不是 1 到 5 的位次"),
        (JULY | {"位次": "1", "位次依据": ""}, "位次依据", "填了位次，没有填位次依据"),
        (JULY | {"位次": "1", "位次依据": "随便"}, "位次依据", "“随便”不是认得的位次依据"),
        (JULY | {"数值": "254", "位次依据": "按增速", "位次": ""}, "位次", "写了位次依据，却没有位次"),
        (JULY | {"位次": "1", "位次依据": "按增速", "区划": "长春市"}, "位次", "长春市不在五城区之内"),
        (JULY | {"数值": "254", "数据状态": "撤回"}, "数据状态", "“撤回”不是可以导入的数据状态"),
        (JULY | {"定性表述": "长" * 201}, "定性表述", "有 201 个字，超过 200 字"),
        (JULY | {"数值": "254", "说明": "长" * 501}, "说明", "有 501 个字，超过 500 字"),
        (JULY | {"数值": ""}, "", "没有数值、增速、位次或定性表述"),
        (JULY | {"数值": "—"}, "", "没有数值、增速、位次或定性表述"),
    ],
)
def test_fault_names_place_and_remedy(cast, row, column, told):
    found = staged(cast, row)
    (problem,) = found.job.problems.all()
    letters = dict(zip("ABCDEFGHIJK", row, strict=False))
    assert (problem.line, letters.get(problem.column, problem.column), found.rows) == (2, column, [])
    assert told in problem.message
    assert problem.remedy


def test_unknown_unit_in_a_column_of_units(cast):
    other = {"指标": "industrial_output", "时期": "2022年1—7月", "数值": "201", "单位": "亿元"}
    found = staged(cast, JULY | {"数值": "254.1", "单位": "斤"}, other)
    assert (found.counts, found.refusing) == ((1, 0, 0, 1), [(2, "D", "“斤”不是认得的计量单位")])


def test_all_faults_of_all_rows_come_at_once(cast):
    found = staged(
        cast,
        {"指标": "gdp", "时期": "2023年一季度", "同比增长": "abc"},
        JULY | {"数值": "x", "同比增长": "y", "位次": "9", "位次依据": "按增速", "数据状态": "z"},
    )
    # A 指标, B 时期, C 同比增长, D 数值, E 位次, F 位次依据, G 数据状态
    assert sorted((line, column) for line, column, _ in found.problems) == [
        (2, "C"),
        (3, "C"),
        (3, "D"),
        (3, "E"),
        (3, "G"),
    ]
    assert found.counts == (0, 0, 0, 2)


def test_every_problem_is_kept_up_to_a_limit_and_the_rest_counted(cast, monkeypatch):
    monkeypatch.setattr(problems, "KEPT", 3)
    found = staged(cast, *[JULY | {"时期": f"20{n}年1—7月", "数值": "x"} for n in range(10, 20)])
    assert (found.counts, len(found.problems)) == ((0, 0, 0, 10), 4)
    assert found.job.problems.filter(line=0).get().message == "还有 7 处问题没有列出"


def test_flawed_cell_matters_only_in_a_column_that_is_read(cast):
    flaw = Flaw("是公式错误（如 #DIV/0!、#N/A）", "请改正公式或直接填写数字")
    rows = [Row(2, ["gdp", "2023年一季度", "1", flaw]), Row(3, ["gdp", "2022年一季度", flaw, ""])]
    found = staged(
        cast, tables=[Table(sheet="表", header_line=1, heads=heads(["指标", "时期", "数值", "旁注"]), rows=rows)]
    )
    assert found.refusing == [(3, "C", "是公式错误（如 #DIV/0!、#N/A）")]
    assert [one.line for one in found.figures] == [2]


def test_row_longer_than_the_header_is_a_fault(cast):
    flaw = Flaw("这一行有 4 列，表头只有 3 列", "请加引号")
    rows = [Row(2, ["gdp", "2023年一季度", "1"], flaw), Row(3, ["gdp", "2022年一季度", "1"])]
    found = staged(cast, tables=[Table(header_line=1, heads=heads(["指标", "时期", "数值"]), rows=rows)])
    assert (found.counts, found.refusing) == ((1, 0, 0, 1), [(2, "", "这一行有 4 列，表头只有 3 列")])


def test_english_headers(cast):
    row = {
        "indicator": "industrial_output",
        "district": HOME,
        "period": "2023-07.ytd",
        "value": "254.1",
        "unit": "亿元",
    }
    more = {"growth": "16", "rank": "1", "rank_by": "growth", "text": "稳", "status": "flash", "note": "=cmd()"}
    found = staged(cast, row | more)
    assert found.rows[0].new == "254.1亿元；稳；同比 16%；五城区第1位（按增速）"
    assert (found.figures[0].note, found.figures[0].figure_status) == ("=cmd()", "flash")


def test_text_that_the_copy_must_escape(cast):
    note = "a\\b\tc\\N 一行\\n"
    (one,) = staged(cast, JULY | {"数值": "254.1", "说明": note}).figures
    assert one.note == note


# Several rows about one figure


def test_rows_that_state_different_things_are_one(cast):
    found = staged(
        cast, JULY | {"数值": "254.1"}, JULY | {"同比增长": "16.2"}, JULY | {"位次": "1", "位次依据": "按增速"}
    )
    assert found.counts == (1, 0, 0, 0)
    assert (found.rows[0].new, found.figures[0].line) == ("254.1亿元；同比 16.2%；五城区第1位（按增速）", 2)


def test_rows_that_agree_are_one(cast):
    found = staged(cast, JULY | {"数值": "254.1", "同比增长": "16.2"}, JULY | {"指标": "工业总产值", "数值": "254.1"})
    assert (found.counts, found.rows[0].new) == ((1, 0, 0, 0), "254.1亿元；同比 16.2%")


@pytest.mark.parametrize(
    "other", [{"数值": "254.10"}, {"数值": "255"}, {"数值": "254余"}, {"数值": "254.1", "数据状态": "快报"}]
)
def test_rows_that_disagree_are_all_refused(cast, other):
    first = JULY | {"数值": "254.1", "数据状态": "最终核实"}
    third = JULY | {"同比增长": "16.2"}
    found = staged(cast, first, JULY | other, third, JULY | {"时期": "2022年1—7月", "数值": "201"})
    assert found.counts == (1, 0, 0, 3)
    assert [(line, message) for line, _, message in found.refusing] == [
        (2, "与第 3、4 行重复且不一致"),
        (3, "与第 2、4 行重复且不一致"),
        (4, "与第 2、3 行重复且不一致"),
    ]


def test_row_beside_one_with_a_fault_is_refused_with_it(cast):
    found = staged(cast, JULY | {"数值": "254.1"}, JULY | {"数值": "x"})
    assert found.counts == (0, 0, 0, 2)
    assert sorted(message for _, _, message in found.refusing) == [
        "“x”不是认得的数据写法",
        "与第 3 行是同一个数，那里有错误",
    ]


# The form's checks and locks


def test_mandatory_finding_refuses_the_row(cast):
    found = staged(cast, JULY | {"数值": "-254.1", "同比增长": "16.2"})
    assert found.counts == (0, 0, 0, 1)
    assert "这项金额不能为负（本期-254.1亿元）" in [message for _, _, message in found.refusing]


def test_quasi_mandatory_finding_refuses_unless_listed_and_explained(cast):
    slip = JULY | {"数值": "2541", "同比增长": "16.2", "说明": "新投产企业纳入统计口径"}
    found = staged(cast, slip)
    assert (found.counts, found.job.problems.filter(severity="quasi").count()) == ((0, 0, 0, 1), 1)
    CheckExemption.objects.create(
        rule_code="magnitude-slip", reason="统计口径调整", valid_from=dt.date(2023, 1, 1), approved_by=cast.reviewer
    )
    listed = staged(cast, slip)
    assert (listed.counts, listed.refusing) == ((1, 0, 0, 0), [])
    assert staged(cast, slip | {"说明": ""}).counts == (0, 0, 0, 1)


def test_finding_compares_with_another_row_of_the_file(cast):
    year = {"指标": "industrial_output", "时期": "2022年1—8月", "数值": "190"}
    found = staged(cast, {"指标": "industrial_output", "时期": "2022年1—7月", "数值": "200"}, year)
    assert found.counts == (2, 0, 0, 0)
    assert ("verify", 3) in set(found.job.problems.values_list("severity", "line"))


def test_reviewer_is_told_what_the_sender_need_not_explain(cast, client):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file("223.6"), kind="observations")
    submission = actions.confirm_job(by=cast.admin, job=job)
    client.force_login(cast.reviewer, backend="lvyuan.accounts.backends.AccountBackend")
    page = client.get(f"/reviews/{submission.pk}/").content.decode()
    assert "累计数小于上期" in page
    assert "核实性</span> 1 处" in page


def test_refusing_rules_look_at_rows_beyond_the_first(cast, monkeypatch):
    monkeypatch.setattr("indicators.imports.checking.TOLD_ROWS", 1)
    rows = [{"指标": "industrial_output", "时期": f"2022年1—{m}月", "数值": str(20 * m)} for m in range(2, 12)]
    slipped = {"指标": "industrial_output", "时期": "2022年1—12月", "数值": "2400"}
    found = staged(cast, *rows, slipped, {"指标": "industrial_output", "时期": "2021年1—7月", "数值": "-200"})
    assert found.counts == (10, 0, 0, 2)
    assert [(line, message[:4]) for line, _, message in found.refusing] == [(12, "数量级与"), (13, "这项金额")]


def test_figure_that_waits_elsewhere_is_refused(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    actions.confirm_job(by=cast.admin, job=job)
    found = staged(cast, JULY | {"数值": "255"})
    assert found.counts == (0, 0, 0, 1)
    assert found.refusing == [(2, "C", f"第 {job.pk} 号导入里也有这个数，正在等待签发或审核")]


def test_number_of_queries_does_not_grow_with_the_file(cast):
    count = 1500
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n // 5) for n in range(count)]
    rows = [
        {"指标": "private_enterprises", "时期": day.isoformat(), "区划": f"22010{n % 5 + 2}", "数值": "3.7"}
        for n, day in enumerate(days)
    ]
    table = table_of(*rows)
    with CaptureQueriesContext(connection) as queries:
        found = staged(cast, tables=[table])
    assert found.counts == (count, 0, 0, 0)
    assert len(queries) < 80


# The preview


def test_page_shows_rows_of_a_status_and_problems_of_a_group(cast, monkeypatch):
    rows = [JULY | {"时期": f"20{n}年1—{m}月", "数值": f"2{n}"} for n in range(20, 23) for m in range(2, 13)]
    bad = [JULY | {"时期": f"2023年1—{m}月", "数值": "x"} for m in range(2, 13)]
    found = staged(cast, *rows, *bad)
    assert found.counts == (33, 0, 0, 11)
    monkeypatch.setattr(pipeline, "PER_PAGE", 10)
    first, last = (pipeline.page(found.job, cast.admin, status="new", number=n) for n in (1, 99))
    assert (first.number, first.pages, first.total, len(first.rows)) == (1, 4, 33, 10)
    assert (last.number, len(last.rows)) == (4, 3)
    (group,) = [one for one in pipeline.groups(found.job) if one.severity == "mandatory"]
    assert (group.name, group.count) == ("…不是认得的数据写法", 11)
    page = pipeline.page(found.job, cast.admin, group=group.name)
    assert (page.total, [problem.line for problem in page.problems][:2]) == (11, [35, 36])
    refused = pipeline.page(found.job, cast.admin, status="refused")
    assert refused.rows[0].new == "数值 x"


def test_refused_row_that_cannot_be_placed_shows_what_it_says_of_its_place(cast):
    found = staged(cast, JULY | {"时期": "2023年2—7月", "数值": "254.1"})
    (row,) = pipeline.page(found.job, cast.admin, status="refused").rows
    assert (row.title, row.period) == ("", "")
    assert row.new.startswith("指标 industrial_output；")
    assert "时期 2023年2—7月" in row.new
    assert "数值 254.1" in row.new


def test_preview_pages_take_the_same_queries(cast, django_assert_max_num_queries):
    found = staged(cast, *[JULY | {"时期": f"20{n}年1—7月", "数值": f"2{n}"} for n in range(20, 23)])
    with django_assert_max_num_queries(6):
        pipeline.page(found.job, cast.admin, status="new")
        pipeline.groups(found.job)
    json.dumps(found.job.preview)


# Upload


def test_upload_makes_a_job_and_keeps_the_file_private(cast, settings):
    job, is_new = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (is_new, job.state, job.file_name, job.created_by) == (True, "previewed", "七月.csv", cast.admin)
    assert job.preview["counts"] == {"new": 1, "changed": 0, "same": 0, "refused": 0}
    (path,) = stored_files(settings)
    assert path == Path(settings.DATA_DIR) / "imports" / job.sha256[:2] / job.sha256
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_size) == (0o600, job.size)
    assert stat.S_IMODE(path.with_name(f"{path.name}.rows").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    event = Event.objects.about(job).earliest("id")
    assert (event.actor_id, event.operation) == (cast.admin.pk, "insert")


@pytest.mark.parametrize("name", ["staff", "reviewer", "leader", "auditor"])
def test_upload_is_for_admins(cast, settings, name):
    with pytest.raises(PermissionDenied, match="只有管理员可以导入数据"):
        actions.upload_file(by=getattr(cast, name), upload=july_file(), kind="observations")
    assert (ImportJob.objects.count(), stored_files(settings)) == (0, [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"MZ\x90\x00", "程序"),
        ("a.exe", b"MZ", "只接受"),
        ("a.csv.exe", b"MZ", "只接受"),
        ("csv", b"x", "只接受"),
        ("a.json", b"{", "JSON"),
        ("a.xlsx", b"x", "内容却不是"),
    ],
)
def test_refused_upload_leaves_nothing(cast, settings, name, content, told):
    with pytest.raises(ImportRefused, match=told):
        actions.upload_file(by=cast.admin, upload=SimpleUploadedFile(name, content), kind="observations")
    assert (ImportJob.objects.count(), stored_files(settings)) == (0, [])


def test_upload_one_byte_over_the_limit(cast, settings):
    upload = july_file()
    settings.IMPORT_LIMIT = upload.size
    actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    settings.IMPORT_LIMIT = upload.size - 1
    with pytest.raises(ImportRefused, match="文件超过 .* 的上限"):
        actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (ImportJob.objects.count(), len(stored_files(settings))) == (1, 1)


def test_upload_of_an_unknown_kind(cast):
    with pytest.raises(ImportRefused, match="没有这种导入内容"):
        actions.upload_file(by=cast.admin, upload=july_file(), kind="nonsense")


def test_upload_with_faults_is_a_job_that_cannot_be_confirmed(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file("x"), kind="observations")
    assert job.problems.get(severity="mandatory").line == 2
    with pytest.raises(ImportRefused, match="还有错误"):
        actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, imported().count()) == ("previewed", 0)


def test_same_bytes_again_give_the_waiting_job_with_a_fresh_preview(cast, settings):
    first, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", growth="16")
    again, is_new = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (again.pk, is_new, again.preview["counts"]["changed"]) == (first.pk, False, 1)
    other, is_new = actions.upload_file(by=make_user("t-admin2", Role.ADMIN), upload=july_file(), kind="observations")
    assert is_new
    assert other.pk != first.pk
    actions.cancel_job(by=cast.admin, job=first)
    _, is_new = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (is_new, len(stored_files(settings))) == (True, 1)


# Questions


def test_open_question_waits_for_an_answer_which_is_remembered(cast):
    header, row = ["指标", "时期", "数值"], ["industrial_output", "2023.7", "254.1"]
    job, _ = actions.upload_file(by=cast.admin, upload=upload(header, row), kind="observations")
    assert (job.state, StagedFigure.objects.count()) == ("asking", 0)
    (question,) = pipeline.questions_of(job)
    with pytest.raises(ImportConflict):
        actions.confirm_job(by=cast.admin, job=job)
    for by in (cast.auditor, make_user("t-admin2", Role.ADMIN)):
        with pytest.raises(PermissionDenied):
            actions.answer_job(by=by, job=job, answers={question.code: question.options[0][0]})
    job = actions.answer_job(by=cast.admin, job=job, answers={question.code: question.options[0][0]})
    assert job.state == "previewed"
    assert StagedFigure.objects.filter(job=job).count() == 1
    back = actions.answer_job(by=cast.admin, job=job, answers={question.code: ""})
    assert (back.state, back.answers, StagedFigure.objects.count()) == ("asking", {}, 0)


def test_choice_for_a_column_is_kept_for_the_next_file_of_that_shape(cast):
    header = ["指标", "时期", "甲", "数值"]
    first = upload(header, ["industrial_output", "2023年1—7月", "16.2", "254.1"])
    job, _ = actions.upload_file(by=cast.admin, upload=first, kind="observations")
    code = next(use.code for use in pipeline.columns_of(job) if use.name == "甲")
    job = actions.answer_job(by=cast.admin, job=job, answers={code: "growth"})
    assert str(StagedFigure.objects.get(job=job).growth) == "16.2"
    actions.confirm_job(by=cast.admin, job=job)
    assert SavedMapping.objects.get().answers == {code: "growth"}
    second = upload(header, ["industrial_output", "2022年1—7月", "9.9", "201.1"])
    job, _ = actions.upload_file(by=cast.admin, upload=second, kind="observations")
    assert str(StagedFigure.objects.get(job=job).growth) == "9.9"


def test_answers_are_kept_for_the_repaired_file_before_anything_is_confirmed(cast):
    header = ["指标", "时期", "甲", "数值"]
    job, _ = actions.upload_file(
        by=cast.admin, upload=upload(header, ["industrial_output", "2023年1—7月", "16.2", "二百"]), kind="observations"
    )
    code = next(use.code for use in pipeline.columns_of(job) if use.name == "甲")
    actions.answer_job(by=cast.admin, job=job, answers={code: "growth"})
    repaired = upload(header, ["industrial_output", "2023年1—7月", "16.2", "254.1"])
    job, _ = actions.upload_file(by=cast.admin, upload=repaired, kind="observations")
    assert str(StagedFigure.objects.get(job=job).growth) == "16.2"


def test_choice_that_was_taken_back_is_not_offered_again(cast):
    row = ["industrial_output", "2023年1—7月", "16.2", "254.1"]
    job, _ = actions.upload_file(by=cast.admin, upload=upload(["指标", "时期", "甲", "数值"], row), kind="observations")
    code = next(use.code for use in pipeline.columns_of(job) if use.name == "甲")
    for answer, growth in (("growth", "16.2"), ("", "None")):
        job = actions.answer_job(by=cast.admin, job=job, answers={code: answer})
        assert str(StagedFigure.objects.get(job=job).growth) == growth
    assert SavedMapping.objects.get().answers == {}


# Confirm and cancel


def test_confirmed_import_waits_for_a_reviewer_and_is_approved_in_one_step(cast):
    upload_ = july_file(位次="1", 位次依据="按增速", 说明="=cmd()")
    job, _ = actions.upload_file(by=cast.admin, upload=upload_, kind="observations")
    submission = actions.confirm_job(by=cast.admin, job=job, seen=job.preview["digest"])
    job.refresh_from_db()
    assert (job.state, submission.state, submission.import_job) == ("confirmed", "submitted", job)
    assert OBSERVATIONS.outcomes([job], cast.admin) == {job.pk: submission}
    assert not Observation.objects.for_period(Period.ytd(2023, 7)).exists()
    entry = submission.entries.get()
    assert (str(entry.value), entry.unit, str(entry.growth)) == ("254.10", "亿元", "16.2")
    assert (entry.rank_place, entry.rank_by, entry.note, entry.locator) == (1, "growth", "=cmd()", "第2行C列")
    approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    vintage = Vintage.objects.get(entry=entry)
    assert (vintage.source.file_name, vintage.entered_by, vintage.approved_by) == (
        "七月.csv",
        cast.admin,
        cast.reviewer,
    )
    indicator = Indicator.objects.get(code="industrial_output")
    row = figure_row(indicator=indicator, district=HOME, period=Period.ytd(2023, 7), user=cast.leader)
    assert (row.value.text, row.growth.text, row.rank.text) == ("254.10亿元", "16.2%", "第1位")


def test_only_new_and_changed_rows_are_submitted(cast):
    header = ["指标", "时期", "数值", "同比增长", "位次", "位次依据"]
    job, _ = actions.upload_file(
        by=cast.admin,
        upload=upload(
            header,
            ["industrial_output", "2023年1—6月", "223.7", "17", "", ""],
            ["industrial_output", "2023年1—7月", "254.1", "", "", ""],
            ["gdp", "2023年上半年", "", "10.2", "1", "按增速"],
        ),
        kind="observations",
    )
    submission = actions.confirm_job(by=cast.admin, job=job)
    assert {entry.indicator.code: entry.period.code for entry in submission.entries.all()} == {
        "industrial_output": "2023-07.ytd",
        "gdp": "2023-06.ytd",
    }
    approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    gdp = Vintage.objects.get(observation__indicator__code="gdp", number=2)
    assert (gdp.growth, gdp.ranks.get().place) == (D("10.2"), 1)


def test_file_that_changes_nothing_cannot_be_confirmed(cast):
    content = upload(["指标", "时期", "数值"], ["industrial_output", "2023年1—6月", "223.7"])
    job, _ = actions.upload_file(by=cast.admin, upload=content, kind="observations")
    with pytest.raises(ImportRefused, match="没有新的、有变化的数据"):
        actions.confirm_job(by=cast.admin, job=job)


def test_valid_rows_alone_need_a_reason(cast):
    rows = [["industrial_output", "2023年1—7月", "254.1"], ["industrial_output", "2022年1—7月", "x"]]
    job, _ = actions.upload_file(by=cast.admin, upload=upload(["指标", "时期", "数值"], *rows), kind="observations")
    with pytest.raises(ImportRefused, match="须写明理由"):
        actions.confirm_job(by=cast.admin, job=job, valid_only=True, reason=" ")
    submission = actions.confirm_job(by=cast.admin, job=job, valid_only=True, reason="其余下月补报")
    job.refresh_from_db()
    assert (job.valid_only, job.reason, submission.entries.count()) == (True, "其余下月补报", 1)


def test_confirm_after_the_figures_moved_shows_the_new_preview_first(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", growth="16")
    with pytest.raises(ImportConflict, match="预览之后系统里的数据有了变化"):
        actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, imported().count()) == ("previewed", 0)
    (row,) = pipeline.page(job, cast.admin).rows
    assert (row.status, row.old, row.new) == ("changed", "250亿元；同比 16%", "254.10亿元；同比 16.2%")
    actions.confirm_job(by=cast.admin, job=job)
    assert imported().get().entries.count() == 1


def test_confirm_of_another_preview_than_the_one_seen(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    seen = job.preview["digest"]
    actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    job.refresh_from_db()
    with pytest.raises(ImportConflict, match="又重新核对过"):
        actions.confirm_job(by=cast.admin, job=job, seen=seen)
    assert imported().count() == 0


def test_confirm_notices_a_changed_definition(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    IndicatorVersion.objects.filter(indicator__code="industrial_output").update(unit="万元")
    with pytest.raises(ImportConflict):
        actions.confirm_job(by=cast.admin, job=job)
    assert StagedFigure.objects.get(job=job).unit == "万元"


def test_confirm_of_staged_rows_that_a_crash_emptied_stages_them_anew(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    StagedFigure.objects.filter(job=job).delete()
    with pytest.raises(ImportConflict, match="已不在了"):
        actions.confirm_job(by=cast.admin, job=job)
    assert StagedFigure.objects.filter(job=job).count() == 1
    job.refresh_from_db()
    assert actions.confirm_job(by=cast.admin, job=job).entries.count() == 1


def test_confirm_twice_and_after_cancel(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    stale = ImportJob.objects.get(pk=job.pk)
    actions.confirm_job(by=cast.admin, job=job)
    for again in (stale, ImportJob.objects.get(pk=job.pk)):
        with pytest.raises(ImportConflict, match="这次导入已是“已确认”，不能再确认导入"):
            actions.confirm_job(by=cast.admin, job=again)
        with pytest.raises(ImportConflict, match="不能再放弃"):
            actions.cancel_job(by=cast.admin, job=again)
    assert imported().count() == 1


def test_same_file_is_not_sent_in_twice_while_it_waits(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    actions.confirm_job(by=cast.admin, job=job)
    again, is_new = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (is_new, pipeline.earlier(again)) == (True, job)
    with pytest.raises(ImportRefused):
        actions.confirm_job(by=cast.admin, job=again)
    assert imported().count() == 1


def test_confirm_and_cancel_are_for_the_one_who_uploaded(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    for by in (make_user("t-admin2", Role.ADMIN), cast.auditor, cast.reviewer):
        with pytest.raises(PermissionDenied):
            actions.confirm_job(by=by, job=job)
        with pytest.raises(PermissionDenied):
            actions.cancel_job(by=by, job=job)
    job.refresh_from_db()
    assert job.state == "previewed"


def test_confirm_fails_as_a_whole(cast, monkeypatch):
    rows = [["industrial_output", f"2022年1—{month}月", 200 + month] for month in range(2, 13)]
    job, _ = actions.upload_file(by=cast.admin, upload=upload(["指标", "时期", "数值"], *rows), kind="observations")

    def power_cut(submission):
        assert submission.entries.count() == 11  # everything is written, then the last step fails
        raise RuntimeError("power cut")

    monkeypatch.setattr("indicators.actions.handing_in.notices.tell_reviewers", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, imported().count(), Entry.objects.count()) == ("previewed", 0, 0)


def test_confirm_needs_no_file_but_a_fresh_preview_does(cast, settings):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    for path in (Path(settings.DATA_DIR) / "imports").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(ImportRefused, match="原文件已不在服务器上"):
        actions.answer_job(by=cast.admin, job=job, answers={})
    assert actions.confirm_job(by=cast.admin, job=job).state == "submitted"


def test_cancelled_import_changes_nothing(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert actions.cancel_job(by=cast.admin, job=job).state == "cancelled"
    assert imported().count() == 0
    with pytest.raises(ImportConflict, match="已放弃"):
        actions.confirm_job(by=cast.admin, job=job)


def test_returned_import_leaves_the_job_confirmed(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    submission = actions.confirm_job(by=cast.admin, job=job)
    return_submission(by=cast.reviewer, submission=submission, row_version=submission.row_version, reason="请核对口径")
    job.refresh_from_db()
    assert (job.state, job.confirmed_at <= timezone.now()) == ("confirmed", True)


def test_workbook_and_json_give_the_same_rows(cast, tmp_path):
    row = ["industrial_output", "2023年1—7月", 254.1, "亿元", 16.2, 1, "按增速", "同口径"]
    path = files.workbook(tmp_path / "a.xlsx", files.HEADER, row)
    text = json.dumps({"observations": [dict(zip(files.HEADER, row, strict=True))]}, ensure_ascii=False)
    said = []
    for name, content in (("a.xlsx", path.read_bytes()), ("a.json", text.encode())):
        upload_ = SimpleUploadedFile(name, content)
        job, _ = actions.upload_file(by=cast.admin, upload=upload_, kind="observations")
        said += pipeline.page(job, cast.admin).rows
    assert said[0].new == "254.1亿元；同比 16.2%；五城区第1位（按增速）"
    assert (said[0].key, said[0].new) == (said[1].key, said[1].new)


# What is too large to wait for


@pytest.fixture
def large(monkeypatch):
    """Everything is."""
    monkeypatch.setattr(pipeline, "SMALL", 0)
    monkeypatch.setattr(pipeline, "FEW", 0)


def test_large_file_is_left_to_the_worker(cast, large):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (job.state, activity(job)) == ("reading", "queued")
    with pytest.raises(ImportConflict):
        actions.confirm_job(by=cast.admin, job=job)
    actions.work_on(job)
    job.refresh_from_db()
    assert (job.state, job.total, job.progress, job.preview["counts"]["new"]) == ("previewed", 1, 1, 1)
    assert actions.confirm_job(by=cast.admin, job=job) is None
    job.refresh_from_db()
    assert job.state == "confirming"
    actions.work_on(job)
    job.refresh_from_db()
    assert (job.state, imported().get().entries.count(), activity(job)) == ("confirmed", 1, None)


def test_large_file_that_cannot_be_read_says_why(cast, large):
    job, _ = actions.upload_file(by=cast.admin, upload=SimpleUploadedFile("a.csv", b"MZ\x90\x00"), kind="observations")
    actions.work_on(job)
    job.refresh_from_db()
    assert (job.state, "程序" in job.refusal) == ("cancelled", True)


def test_confirmation_that_came_too_late_is_told_on_the_job(cast, large):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    actions.work_on(job)
    actions.confirm_job(by=cast.admin, job=ImportJob.objects.get(pk=job.pk))
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", growth="16")
    actions.work_on(job)
    job.refresh_from_db()
    assert (job.state, job.preview["counts"]["changed"], imported().count()) == ("previewed", 1, 0)
    assert "预览之后系统里的数据有了变化" in job.refusal


def test_interrupted_job_is_resumed_or_given_up(cast, large):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = %s", [queueing_lock(job)])
        assert activity(job) == "queued"  # the worker has just taken it and holds it presently
        cursor.execute("UPDATE procrastinate_events SET at = at - interval '6 seconds' WHERE type = 'started'")
    assert activity(job) == "interrupted"
    actions.resume_job(by=cast.admin, job=job)
    assert activity(job) == "queued"
    with pytest.raises(PermissionDenied):
        actions.resume_job(by=cast.auditor, job=job)
    assert actions.cancel_job(by=cast.admin, job=job).state == "cancelled"


def test_what_was_read_of_a_file_is_forgotten_but_not_the_file(cast, settings):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    (kept,) = stored_files(settings)
    answer = kept.with_name(f"{kept.name}.rows")
    assert (pipeline.forget_old_answers(), answer.exists()) == (0, True)
    os.utime(answer, (1, 1))
    assert (pipeline.forget_old_answers(), answer.exists(), kept.exists()) == (1, False, True)
    assert [row.line for row in pipeline.book_of(job).tables[0].rows] == [2]


def test_registered_kinds() -> None:
    assert "observations" in [kind.code for kind in registry.kinds()]
