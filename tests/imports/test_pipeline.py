"""Observations from a file: what each row would do, every fault at once, and all or nothing.

The approved figures are the article's: 规模以上工业总产值 2023-06 is 223.7亿元, +17 %, first of five (by what is
unstated); 地区生产总值 2023-06 is +10.1 % and first by growth, without a level.
"""

from __future__ import annotations

import datetime as dt
import json
import stat
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from indicators.actions import approve, return_submission
from indicators.imports import OBSERVATIONS, plan_observations
from indicators.models import Entry, Indicator, IndicatorVersion, Observation, Vintage
from indicators.rows import figure_row
from lvyuan.accounts.models import Role
from lvyuan.audit.models import Event
from lvyuan.imports import actions, pipeline, registry
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportConflict, ImportRefused, Plan
from lvyuan.imports.table import Flaw, Row, Table
from lvyuan.periods import Period
from tests.conftest import HOME, make_user
from tests.imports import files
from tests.indicators.factories import figure, imported

pytestmark = pytest.mark.django_db
JULY = {"指标": "industrial_output", "时期": "2023年1—7月"}
CURRENT = "223.7亿元；同比 17%；五城区第1位（未说明按总量还是增速）"
JUNE = {"指标": "industrial_output", "时期": "2023年1—6月"}


def table_of(*rows: dict[str, str], sheet: str = "数据") -> Table:
    """A table whose columns are those of all rows together, its header on line 1."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [Row(line, [row.get(name, "") for name in header]) for line, row in enumerate(rows, 2)]
    return Table(sheet=sheet, header_line=1, header=header, rows=lines)


def plan_of(cast, *rows: dict[str, str]) -> Plan:
    return plan_observations(table_of(*rows), cast.admin)


def faults(plan: Plan) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.column, problem.message) for problem in plan.problems]


def upload(*rows: list[object], name: str = "七月.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.csv_bytes(*rows))


def july_file(value: object = "254.10", **more: object) -> SimpleUploadedFile:
    return upload(
        ["指标", "时期", "数值", "同比增长", *more], ["industrial_output", "2023年1—7月", value, "16.2", *more.values()]
    )


def stored_files(settings) -> list[Path]:
    folder = Path(settings.DATA_DIR) / "imports"
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


# What a row would do


def test_new_row(cast):
    (row,) = plan_of(cast, JULY | {"数值": "254.10", "同比增长": "16.2", "位次": "1", "位次依据": "按增速"}).rows
    assert (row.line, row.status, row.key) == (2, "new", "industrial_output/220106/2023-07.ytd")
    assert (row.title, row.period) == ("规模以上工业总产值", "2023年1—7月")
    assert (row.old, row.new) == ("", "254.10亿元；同比 16.2%；五城区第1位（按增速）")
    assert {name: row.said[name] for name in ("value", "unit", "growth", "locator", "status")} == {
        "value": "254.10",
        "unit": "亿元",
        "growth": "16.2",
        "locator": "工作表“数据”第2行",
        "status": "unstated",
    }


def test_row_that_repeats_what_is_approved_is_the_same(cast):
    whole = JUNE | {"数值": "223.7", "同比增长": "17", "位次": "1", "位次依据": "未说明"}
    part = {"指标": "gdp", "时期": "2023年上半年", "同比增长": "10.1"}
    assert [row.status for row in plan_of(cast, whole, part).rows] == ["same", "same"]
    assert plan_of(cast, whole).changes == []


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
    (row,) = plan_of(cast, JUNE | {"数值": "223.7", "同比增长": "17", "位次": "1", "位次依据": "unstated"} | said).rows
    assert row.status == "changed"
    assert row.old == CURRENT
    assert row.new.startswith(new)


def test_stated_status_is_a_change_and_shown(cast):
    whole = JUNE | {"数值": "223.7", "同比增长": "17", "位次": "1", "位次依据": "未说明", "数据状态": "最终核实"}
    (row,) = plan_of(cast, whole).rows
    assert (row.status, row.said["status"]) == ("changed", "final")
    assert (row.old[-5:], row.new[-6:]) == ("（未说明）", "（最终核实）")


def test_correction_that_would_drop_a_figure_is_refused(cast):
    plan = plan_of(cast, JUNE | {"数值": "224.0"})
    assert plan.rows == []
    assert faults(plan) == [
        (2, "", f"现行数据（{CURRENT}）的同比增长、位次在这一行没有写全，导入后会丢失"),
    ]


def test_withdrawn_figure_counts_as_none(cast):
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元")
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", status="withdrawn", reason="填错")
    (row,) = plan_of(cast, JULY | {"数值": "250"}).rows
    assert row.status == "new"


def test_other_district_is_named(cast):
    rows = plan_of(
        cast,
        JUNE | {"数值": "300", "区划": "宽城区"},
        JUNE | {"数值": "301", "区划": "220104"},
        JULY | {"数值": "302", "区划": ""},
    ).rows
    assert [row.key.split("/")[1] for row in rows] == ["220103", "220104", HOME]
    assert rows[0].title == "规模以上工业总产值（宽城区）"


@pytest.mark.parametrize("name", ["industrial_output", "规模以上工业总产值", "规上工业总产值", "工业总产值"])
def test_indicator_by_code_name_or_alias(cast, name):
    (row,) = plan_of(cast, JULY | {"指标": name, "数值": "1"}).rows
    assert row.key.startswith("industrial_output/")


def test_alias_of_two_indicators_is_refused_but_a_name_wins(cast):
    Indicator.objects.filter(code="gdp").update(aliases=["工业总产值", "规模以上工业总产值"])
    plan = plan_of(cast, JULY | {"指标": "工业总产值", "数值": "1"}, JULY | {"指标": "规模以上工业总产值", "数值": "1"})
    names = "地区生产总值（gdp）、规模以上工业总产值（industrial_output）"
    assert faults(plan) == [(2, "指标", f"“工业总产值”是几项指标共用的别名：{names}")]
    assert len(plan.rows) == 1


@pytest.mark.parametrize(
    ("code", "text", "period"),
    [
        ("industrial_output", "2023年1-7月", "2023-07.ytd"),
        ("industrial_output", "2023年7月", "2023-07.ytd"),
        ("industrial_output", "2023-07", "2023-07.ytd"),
        ("industrial_output", "2023-07.ytd", "2023-07.ytd"),
        ("industrial_output", "2022年上半年", "2022-06.ytd"),
        ("gdp", "2023年一季度", "2023-03.ytd"),
        ("population", "2022-12-31", "2022-12-31.instant"),
        ("population", "2022年末", "2022-12-31.instant"),
    ],
)
def test_period_is_read_in_the_indicators_own_kind(cast, code, text, period):
    (row,) = plan_of(cast, {"指标": code, "时期": text, "数值": "70"}).rows
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
    (row,) = plan_of(cast, JULY | said).rows
    assert (row.said["value"], row.said["unit"], row.said["printed"]) == (value, "亿元", printed)


def test_same_figure_in_another_unit_is_no_change(cast):
    assert [row.status for row in plan_of(cast, JUNE | {"数值": "2237000", "单位": "万元"}).rows] == ["same"]


def test_indicator_without_a_unit_needs_one_in_the_file(cast):
    sales = {"指标": "housing_sales_area", "时期": "2023年1—7月"}
    plan = plan_of(cast, sales | {"数值": "12.3"}, sales | {"时期": "2023年1—5月", "数值": "12.3", "单位": "万平方米"})
    assert faults(plan) == [(2, "数值", "这项指标尚未规定计量单位，文件里也没有写")]
    assert plan.rows[0].said["unit"] == "万平方米"


# Faults


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (JULY | {"指标": "工业", "数值": "1"}, "指标", "没有“工业”这项指标"),
        (JULY | {"指标": "", "数值": "1"}, "指标", "没有写指标"),
        (JULY | {"区划": "999999", "数值": "1"}, "区划", "没有“999999”这个区划"),
        (JULY | {"时期": "", "数值": "1"}, "时期", "没有写时期"),
        (JULY | {"时期": "2023.7", "数值": "1"}, "时期", "小数点写法无法分辨"),
        (JULY | {"时期": "1—7月", "数值": "1"}, "时期", "没有年份"),
        (JULY | {"时期": "2023-07-31", "数值": "1"}, "时期", "只能读作时点"),
        (JULY | {"时期": "2023年1月", "数值": "1"}, "时期", "它的报送日历是：每月（无1月，首期1—2月）"),
        (JULY | {"指标": "gdp", "时期": "2023年1—7月", "数值": "1"}, "时期", "它的报送日历是：每季"),
        (JULY | {"时期": "2199年1—7月", "数值": "1"}, "时期", "“2199年1—7月”还没有结束"),
        (JULY | {"时期": "1999年1—7月", "数值": "1"}, "指标", "在1999年1—7月没有生效的口径"),
        (JULY | {"时期": "2023-07.nope", "数值": "1"}, "时期", "不是认得的期别写法"),
        (JULY | {"数值": "NaN"}, "数值", "“NaN”不是认得的数据写法"),
        (JULY | {"数值": "1e400"}, "数值", "“1e400”不是认得的数据写法"),
        (JULY | {"数值": "1_000"}, "数值", "“1_000”不是认得的数据写法"),
        (JULY | {"数值": "٣"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "5²"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "=1+1"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "9" * 40}, "数值", "位数过多"),
        (JULY | {"数值": "0.0000000000001"}, "数值", "位数过多"),
        (JULY | {"数值": "动态清零"}, "数值", "不是认得的数据写法"),
        (JULY | {"数值": "254.1", "单位": "斤"}, "单位", "“斤”不是认得的计量单位"),
        (JULY | {"数值": "254.1", "单位": "万人"}, "单位", "两种单位不可换算"),
        (JULY | {"数值": "254.1亿元", "单位": "万元"}, "数值", "文字的单位是亿元，本列的单位是万元"),
        (JULY | {"数值": "17.1%"}, "数值", "两种单位不可换算"),
        (JULY | {"数值": "近万"}, "数值", "没有单位，不能确定"),
        (JULY | {"同比增长": "17.1个百分点"}, "同比增长", "文字的单位是个百分点"),
        (JULY | {"同比增长": "增长17.1%"}, "同比增长", "方向词不能代替正负号"),
        (JULY | {"同比增长": "约17%"}, "同比增长", "不是确切的增速"),
        (JULY | {"位次": "6", "位次依据": "按增速"}, "位次", "“6”不是 1 到 5 的位次"),
        (JULY | {"位次": "0", "位次依据": "按增速"}, "位次", "“0”不是 1 到 5 的位次"),
        (JULY | {"位次": "第一", "位次依据": "按增速"}, "位次", "不是 1 到 5 的位次"),
        (JULY | {"位次": "1", "位次依据": ""}, "位次依据", "填了位次，没有填位次依据"),
        (JULY | {"位次": "1", "位次依据": "随便"}, "位次依据", "“随便”不是认得的位次依据"),
        (JULY | {"数值": "1", "位次依据": "按增速", "位次": ""}, "位次", "写了位次依据，却没有位次"),
        (JULY | {"位次": "1", "位次依据": "按增速", "区划": "长春市"}, "位次", "长春市不在五城区之内"),
        (JULY | {"数值": "1", "数据状态": "撤回"}, "数据状态", "“撤回”不是可以导入的数据状态"),
        (JULY | {"定性表述": "长" * 201}, "定性表述", "有 201 个字，超过 200 字"),
        (JULY | {"数值": "1", "说明": "长" * 501}, "说明", "有 501 个字，超过 500 字"),
        (JULY | {"数值": ""}, "", "没有数值、增速、位次或定性表述"),
        (JULY | {"数值": "—"}, "数值", "没有数值、增速、位次或定性表述"),
    ],
)
def test_fault_names_place_and_remedy(cast, row, column, told):
    plan = plan_of(cast, row)
    (problem,) = plan.problems
    assert (problem.line, problem.column, plan.rows) == (2, column, [])
    assert told in problem.message
    assert problem.remedy


def test_all_faults_of_all_rows_come_at_once(cast):
    plan = plan_of(
        cast,
        {"指标": "无此指标", "时期": "2023年", "同比增长": "abc"},
        JULY | {"数值": "x", "同比增长": "y", "位次": "9", "位次依据": "按增速", "数据状态": "z"},
        JULY | {"数值": "254.1"},
    )
    assert sorted((line, column) for line, column, _ in faults(plan)) == [
        (2, "同比增长"),
        (2, "指标"),
        (3, "位次"),
        (3, "同比增长"),
        (3, "指标"),
        (3, "数值"),
        (3, "数据状态"),
        (4, "指标"),
    ]


def test_same_figure_twice_is_a_fault_on_both_rows(cast):
    plan = plan_of(cast, JULY | {"数值": "1"}, JULY | {"指标": "工业总产值", "时期": "2023-07", "数值": "1"})
    message = "与第 %s 行重复：都是绿园区“规模以上工业总产值”2023年1—7月"
    assert faults(plan) == [(2, "指标", message % 3), (3, "指标", message % 2)]
    assert plan.rows == []


def test_flawed_cell_matters_only_in_a_column_that_is_read(cast):
    flaw = Flaw("是公式错误（如 #DIV/0!、#N/A）", "请改正公式或直接填写数字")
    header = ["指标", "时期", "数值", "旁注", ""]
    rows = [Row(2, ["gdp", "2023年一季度", "1", flaw, ""]), Row(3, ["gdp", "2022年", flaw, "", ""])]
    plan = plan_observations(Table(sheet="表", header_line=1, header=header, rows=rows), cast.admin)
    assert faults(plan) == [(3, "数值", "是公式错误（如 #DIV/0!、#N/A）")]
    assert [row.line for row in plan.rows] == [2]
    assert plan.ignored_columns == ["旁注", "第 5 列（无表头）"]


def test_row_longer_than_the_header_is_a_fault(cast):
    rows = [Row(2, ["gdp", "2023年一季度", "1"], Flaw("这一行有 4 列，表头只有 3 列", "请加引号"))]
    plan = plan_observations(Table(header_line=1, header=["指标", "时期", "数值"], rows=rows), cast.admin)
    assert faults(plan) == [(2, "", "这一行有 4 列，表头只有 3 列")]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["指标", "数值"], "缺少“时期”列；现有的列是：“指标”、“数值”"),
        (["绿园区主要经济指标"], "缺少“指标”、“时期”列；现有的列是：“绿园区主要经济指标”"),
        (["指标", "时期"], "没有数据列；现有的列是：“指标”、“时期”"),
        (["指标", "indicator", "时期", "数值"], "“指标”和“indicator”是同一项内容，不能确定用哪一列"),
    ],
)
def test_columns_that_are_missing_or_there_twice(cast, header, told):
    rows = [Row(2, ["gdp"] * len(header))]
    plan = plan_observations(Table(header_line=1, header=header, rows=rows), cast.admin)
    assert [problem.message for problem in plan.problems] == [told]
    assert (plan.problems[0].line, plan.rows) == (1, [])


def test_english_headers(cast):
    row = {
        "indicator": "industrial_output",
        "district": HOME,
        "period": "2023-07.ytd",
        "value": "254.1",
        "unit": "亿元",
    }
    more = {"growth": "16", "rank": "1", "rank_by": "growth", "text": "稳", "status": "flash", "note": "=cmd()"}
    (planned,) = plan_of(cast, row | more).rows
    assert planned.new == "254.1亿元；稳；同比 16%；五城区第1位（按增速）"
    assert (planned.said["note"], planned.said["status"]) == ("=cmd()", "flash")


@pytest.mark.parametrize("count", [1, 5000])
def test_number_of_queries_does_not_grow_with_the_file(cast, django_assert_num_queries, count):
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n // 5) for n in range(count)]
    rows = [
        {"指标": "private_enterprises", "时期": day.isoformat(), "区划": f"22010{n % 5 + 2}", "数值": "3.7"}
        for n, day in enumerate(days)
    ]
    with django_assert_num_queries(7):
        plan = plan_of(cast, *rows)
    assert (len(plan.rows), plan.problems) == (count, [])


# The preview


def preview_of(cast, *rows: dict[str, str]) -> dict:
    table = table_of(*rows)
    return pipeline.preview(table, plan_observations(table, cast.admin))


def test_preview_counts_and_rows(cast):
    said = preview_of(
        cast,
        JULY | {"数值": "254.1", "旁注": "x"},
        JUNE | {"数值": "223.7"},
        {"指标": "gdp", "时期": "2023年上半年", "同比增长": "10.2", "位次": "1", "位次依据": "按增速"},
        JUNE | {"时期": "2022年1月", "数值": "1"},
    )
    assert said["counts"] == {"new": 1, "changed": 1, "same": 1, "refused": 1}
    assert [(row["line"], row["status"]) for row in said["rows"]] == [(2, "new"), (3, "same"), (4, "changed")]
    assert said["rows"][2] == {
        "line": 4,
        "key": "gdp/220106/2023-06.ytd",
        "indicator": "地区生产总值",
        "period": "2023年1—6月",
        "old": "同比 10.1%；五城区第1位（按增速）",
        "new": "同比 10.2%；五城区第1位（按增速）",
        "status": "changed",
    }
    assert [(error["sheet"], error["row"], error["column"]) for error in said["errors"]] == [("数据", 5, "时期")]
    assert said["ignored_columns"] == ["旁注"]
    assert not pipeline.is_ready(said)
    json.dumps(said)


def test_preview_lists_at_most_five_hundred_errors_and_says_so(cast):
    said = preview_of(cast, *[{"指标": f"x{n}", "时期": "2023年", "数值": "1"} for n in range(600)])
    assert (len(said["errors"]), said["counts"]["refused"]) == (501, 600)
    assert said["errors"][-1]["message"] == "还有 100 处错误没有列出"


def test_preview_shows_the_first_rows_of_each_status(cast):
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(216)]
    rows = [{"指标": "private_enterprises", "时期": day.isoformat(), "数值": "3.7"} for day in days]
    same = JUNE | {"数值": "223.7"}
    said = preview_of(cast, *rows, same)
    assert said["counts"] == {"new": 216, "changed": 0, "same": 1, "refused": 0}
    assert [len([row for row in said["rows"] if row["status"] == s]) for s in ("new", "same")] == [200, 1]


def test_digest_tells_unlisted_rows_apart(cast):
    one, other = (preview_of(cast, JULY | {"数值": value})["digest"] for value in ("254.1", "254.10"))
    assert one != other
    assert one == preview_of(cast, JULY | {"数值": "254.1"})["digest"]


# Upload


def test_upload_makes_a_job_and_keeps_the_file_private(cast, settings):
    job, is_new = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    assert (is_new, job.state, job.file_name, job.created_by) == (True, "previewed", "七月.csv", cast.admin)
    assert job.preview["counts"] == {"new": 1, "changed": 0, "same": 0, "refused": 0}
    (path,) = stored_files(settings)
    assert path == Path(settings.DATA_DIR) / "imports" / job.sha256[:2] / job.sha256
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_size) == (0o600, job.size)
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    event = Event.objects.about(job).get()
    assert (event.actor_id, event.operation) == (cast.admin.pk, "insert")


@pytest.mark.parametrize("name", ["staff", "reviewer", "leader", "auditor"])
def test_upload_is_for_admins(cast, settings, name):
    with pytest.raises(PermissionDenied, match="只有管理员可以导入数据"):
        actions.upload_file(by=getattr(cast, name), upload=july_file(), kind="observations")
    assert (ImportJob.objects.count(), stored_files(settings)) == (0, [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"MZ\x90\x00", "内容却是Windows 程序"),
        ("a.txt", b"x", "只接受 .json、.csv、.xlsx 文件"),
        ("a.exe", b"MZ", "只接受"),
        ("a.csv.exe", b"MZ", "只接受"),
        ("csv", b"x", "只接受"),
        ("a.json", b"{", "不是有效的 JSON"),
        ("a.xlsx", b"x", "内容却不是工作簿"),
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
    assert job.preview["errors"][0]["row"] == 2
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


# Confirm and cancel


def test_confirmed_import_waits_for_a_reviewer_and_is_approved_in_one_step(cast):
    upload_ = july_file(位次="1", 位次依据="按增速", 说明="=cmd()")
    job, _ = actions.upload_file(by=cast.admin, upload=upload_, kind="observations")
    submission = actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, submission.state, submission.import_job) == ("confirmed", "submitted", job)
    assert OBSERVATIONS.outcome(job, cast.admin) == submission
    assert not Observation.objects.for_period(Period.ytd(2023, 7)).exists()
    entry = submission.entries.get()
    assert (str(entry.value), entry.unit, str(entry.growth)) == ("254.10", "亿元", "16.2")
    assert (entry.rank_place, entry.rank_by, entry.note, entry.locator) == (1, "growth", "=cmd()", "第2行")
    (vintage,) = approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
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
            ["industrial_output", "2023-06", "223.7", "17", "", ""],
            ["industrial_output", "2023-07", "254.1", "", "", ""],
            ["gdp", "2023-06", "", "10.2", "1", "按增速"],
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
    content = upload(["指标", "时期", "数值"], ["industrial_output", "2023-06", "223.7"])
    job, _ = actions.upload_file(by=cast.admin, upload=content, kind="observations")
    with pytest.raises(ImportRefused, match="没有新的、有变化的数据"):
        actions.confirm_job(by=cast.admin, job=job)


def test_confirm_after_the_figures_moved_shows_the_new_preview_first(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元", growth="16")
    with pytest.raises(ImportConflict, match="预览之后系统里的数据有了变化"):
        actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, imported().count()) == ("previewed", 0)
    (row,) = job.preview["rows"]
    assert (row["status"], row["old"], row["new"]) == ("changed", "250亿元；同比 16%", "254.10亿元；同比 16.2%")
    actions.confirm_job(by=cast.admin, job=job)
    assert imported().get().entries.count() == 1


def test_confirm_notices_a_changed_definition(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    IndicatorVersion.objects.filter(indicator__code="industrial_output").update(unit="万元")
    with pytest.raises(ImportConflict):
        actions.confirm_job(by=cast.admin, job=job)


def test_confirm_twice_and_after_cancel(cast):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    stale = ImportJob.objects.get(pk=job.pk)
    actions.confirm_job(by=cast.admin, job=job)
    for again in (stale, ImportJob.objects.get(pk=job.pk)):
        with pytest.raises(ImportConflict, match="这次导入已是“已送审”，不能再确认导入"):
            actions.confirm_job(by=cast.admin, job=again)
        with pytest.raises(ImportConflict, match="不能再放弃"):
            actions.cancel_job(by=cast.admin, job=again)
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
    rows = [["industrial_output", f"2022年1—{month}月", month] for month in range(2, 13)]
    job, _ = actions.upload_file(by=cast.admin, upload=upload(["指标", "时期", "数值"], *rows), kind="observations")

    def power_cut(*, by, submission):
        assert submission.entries.count() == 11  # everything is written, then the last step fails
        raise RuntimeError("power cut")

    monkeypatch.setattr("indicators.actions.handing_in.submit", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        actions.confirm_job(by=cast.admin, job=job)
    job.refresh_from_db()
    assert (job.state, imported().count(), Entry.objects.count()) == ("previewed", 0, 0)


def test_confirm_without_the_kept_file(cast, settings):
    job, _ = actions.upload_file(by=cast.admin, upload=july_file(), kind="observations")
    stored_files(settings)[0].unlink()
    with pytest.raises(ImportRefused, match="原文件已不在服务器上"):
        actions.confirm_job(by=cast.admin, job=job)


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


def test_workbook_and_json_give_the_same_plan(cast, tmp_path):
    row = ["industrial_output", "2023年1—7月", 254.1, "亿元", 16.2, 1, "按增速", "同口径"]
    path = files.workbook(tmp_path / "a.xlsx", files.HEADER, row)
    text = json.dumps({"observations": [dict(zip(files.HEADER, row, strict=True))]}, ensure_ascii=False)
    said = []
    for name, content in (("a.xlsx", path.read_bytes()), ("a.json", text.encode())):
        upload_ = SimpleUploadedFile(name, content)
        job, _ = actions.upload_file(by=cast.admin, upload=upload_, kind="observations")
        said.append(job.preview["rows"][0])
    assert said[0]["new"] == "254.1亿元；同比 16.2%；五城区第1位（按增速）"
    assert said[0] | {"line": 0} == said[1] | {"line": 0}
    assert [row["line"] for row in said] == [2, 1]


def test_registered_kinds() -> None:
    assert [(kind.code, kind.label) for kind in registry.kinds()] == [("observations", "数据")]
