"""Strategy, indicators, assignments and targets from a file. The article's definitions stand before."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

from indicators.imports.definitions import ASSIGNMENTS, INDICATORS, PLANS, STRATEGY, TARGETS
from indicators.models import Assignment, Indicator, IndicatorVersion, Source, StrategyNode, StrategyPlan, Target
from lvyuan.audit.context import acting
from tests.imports.records import Book, entries_table, stage, table

# Strategy

NODES = ("节点代码", "节点名称", "上级节点", "排序", "要点")


def test_nodes_hang_on_their_parents(cast):
    sheet = table(NODES, ("X.1", "甲", "X", "2", "一、二；三"), ("X", "新战略", "S", "1"), ("S1", "", "", "9"))
    done = stage(STRATEGY, cast.admin, sheet)
    assert sorted(done.statuses) == ["changed", "new", "new"]
    done.confirm(cast.admin)
    node = StrategyNode.objects.get(code="X.1")
    assert (node.parent.code, node.parent.parent.code, node.keywords) == ("X", "S", ["一", "二", "三"])
    assert StrategyNode.objects.get(code="S1").order == 9
    done.undo(cast.admin)
    assert not StrategyNode.objects.filter(code__startswith="X").exists()
    assert StrategyNode.objects.get(code="S1").order == 1


def test_parent_by_name_and_circle_with_what_stands(cast):
    name = StrategyNode.objects.get(code="S1").name
    done = stage(STRATEGY, cast.admin, table(NODES, ("X", "甲", name)))
    assert done.rows[0].data["parent"] == "S1"
    done = stage(STRATEGY, cast.admin, table(NODES, ("S", "", "S1")))
    ((line, column, message),) = done.problems
    assert (line, column) == (2, "C")
    assert "不能排在自己的下级之下" in message


def test_plan_says_that_the_file_is_its_source(cast):
    sheet = table(("战略代码", "战略名称", "起始日期"), ("next-plan", "下一个战略", "2026年1月1日"))
    (question,) = PLANS.layout(Book([sheet]), {}, cast.admin).open_questions
    assert question.code == "source:1"
    assert question.options[0] == ("file", "这份文件本身")
    done = stage(PLANS, cast.admin, sheet, answers={"source:1": "file"})
    assert not Source.objects.filter(kind="file").exists()
    done.confirm(cast.admin)
    plan = StrategyPlan.objects.get(code="next-plan")
    assert (plan.valid_from, plan.source.kind, plan.source.title) == (dt.date(2026, 1, 1), "file", "名单.xlsx")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2026年2月30日", "没有2026年2月30日这一天"),
        ("1/2/2026", "不是完整的日期"),
        ("2026年", "不是完整的日期"),
        ("明年", "不是完整的日期"),
    ],
)
def test_bad_dates(cast, cell, said):
    sheet = table(("战略代码", "战略名称", "起始日期", "来源"), ("next-plan", "某战略", cell, "article-2023-08"))
    ((line, column, message),) = stage(PLANS, cast.admin, sheet).problems
    assert (line, column) == (2, "C")
    assert said in message


def test_end_before_start_is_refused_in_the_words_of_the_constraint(cast):
    head = ("战略代码", "战略名称", "起始日期", "终止日期", "来源")
    done = stage(PLANS, cast.admin, table(head, ("p", "某战略", "2026-01-01", "2025-01-01", "article-2023-08")))
    assert [message for _line, _column, message in done.problems] == ["战略的止期不得早于起期"]


# Indicators

FIGURES = (
    "指标代码",
    "指标名称",
    "领域",
    "性质",
    "报送日历",
    "主要时期",
    "责任单位",
    "填报起始日期",
    "计量单位",
    "口径起始日期",
)
NEW = (
    "tax_revenue",
    "税收收入",
    "经济",
    "时期数",
    "每月（1—12月）",
    "累计",
    "统计局",
    "2026-01-01",
    "万元",
    "2026-01-01",
)
HOME = {"district:1": "220106"}


def test_new_indicator_with_definition_owner_and_assignment(cast):
    done = stage(INDICATORS, cast.admin, table(FIGURES, NEW), answers=HOME)
    assert done.statuses == ["new"], done.problems
    done.confirm(cast.admin)
    found = Indicator.objects.get(code="tax_revenue")
    version, assignment = found.versions.get(), found.assignments.get()
    assert (found.calendar, found.primary_kind, found.owner.code) == ("monthly", "ytd", "tjj")
    assert (version.unit, version.valid_from, version.decimals) == ("万元", dt.date(2026, 1, 1), 2)
    assert (assignment.department.code, assignment.valid_from) == ("tjj", dt.date(2026, 1, 1))
    done.undo(cast.admin)
    assert not Indicator.objects.filter(code="tax_revenue").exists()


def test_new_definition_ends_the_one_before(cast):
    head = ("指标代码", "口径起始日期", "统计口径")
    done = stage(INDICATORS, cast.admin, table(head, ("industrial_output", "2026-01-01", "新口径")))
    assert done.statuses == ["changed"], done.problems
    done.confirm(cast.admin)
    old, new = IndicatorVersion.objects.filter(indicator__code="industrial_output").order_by("valid_from")
    assert (old.valid_to, new.valid_from, new.scope, new.unit) == (
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        "新口径",
        old.unit,
    )
    assert done.kind.undo_obstacles(done.job, cast.admin) == []
    done.undo(cast.admin)
    (old,) = IndicatorVersion.objects.filter(indicator__code="industrial_output")
    assert old.valid_to is None


def test_definition_in_use_is_not_changed(cast):
    done = stage(INDICATORS, cast.admin, table(("指标代码", "计量单位"), ("industrial_output", "万元")))
    ((line, column, message),) = done.problems
    assert (line, column) == (2, "B")
    assert message == "2020-01-01起的口径已有数据使用，不能改“计量单位”"


@pytest.mark.parametrize(
    ("place", "cell", "column", "said"),
    [
        (8, "斤两", "I", "“斤两”不是认得的计量单位"),
        (2, "天气", "C", "“天气”不在可选的内容之内"),
        (6, "某某局", "G", "没有代码或名称为“某某局”的部门"),
        (1, "地区生产总值", "", "数据库拒绝这一条"),
    ],
)
def test_bad_indicators(cast, place, cell, column, said):
    row = list(NEW)
    row[place] = cell
    done = stage(INDICATORS, cast.admin, table(FIGURES, row), answers=HOME)
    assert done.statuses == ["refused"]
    ((line, where, message),) = done.problems
    assert (line, where) == (2, column)
    assert said in message


def test_fixture_entries_that_stand_already_are_the_same(cast):
    """The article's own indicators, as its JSON file comes through the reader."""
    content = json.loads(Path("fixtures/article/indicators.json").read_text(encoding="utf-8"))

    def cell(value: object) -> str:
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    entries = [{k: cell(v) for k, v in (content["defaults"] | one).items()} for one in content["indicators"]]
    done = stage(INDICATORS, cast.admin, entries_table("indicators", entries))
    assert done.problems == []
    assert set(done.statuses) == {"same"}
    assert len(done.rows) == len(content["indicators"])


# Assignments


def test_assignment_passes_to_another_department(cast):
    head = ("区划", "指标", "填报单位", "起", "止")
    code = Assignment.objects.get(indicator__code="industrial_output").department.code
    old, new = ("绿园区", "industrial_output", code, "2020-01-01", "2025-12-31"), ("统计局", "2026-01-01")
    sheet = table(head, old, ("绿园区", "规模以上工业总产值", *new))
    done = stage(ASSIGNMENTS, cast.admin, sheet)
    assert done.statuses == ["changed", "new"], done.problems
    done.confirm(cast.admin)
    now = Assignment.objects.get(indicator__code="industrial_output", valid_to=None)
    assert (now.department.code, now.is_assumed) == ("tjj", False)
    done.undo(cast.admin)
    assert Assignment.objects.get(indicator__code="industrial_output").department.code == code


def test_two_departments_on_one_day(cast):
    sheet = table(("区划", "指标", "填报单位", "起"), ("绿园区", "industrial_output", "统计局", "2026-01-01"))
    ((_line, _column, message),) = stage(ASSIGNMENTS, cast.admin, sheet).problems
    assert message == "同一区同一指标同一天只能由一个单位填报"


# Targets

GOALS = (
    "目标代码",
    "目标名称",
    "类别",
    "指标",
    "目标对象",
    "计量单位",
    "目标值",
    "期限",
    "来源",
    "调整理由",
    "批准依据",
)
GOAL = (
    "output-2026",
    "工业总产值",
    "年度目标",
    "industrial_output",
    "总量",
    "亿元",
    "520",
    "2026年",
    "article-2023-08",
)


def test_new_target(cast):
    done = stage(TARGETS, cast.admin, table(GOALS, GOAL), answers=HOME)
    assert done.statuses == ["new"], done.problems
    done.confirm(cast.admin)
    found = Target.objects.get(code="output-2026")
    assert (found.version, found.value, found.unit, found.period.code) == (1, Decimal(520), "亿元", "2026-12.year")
    assert done.kind.undo_obstacles(done.job, cast.admin) == []
    done.undo(cast.admin)
    assert not Target.objects.filter(code="output-2026").exists()


def test_changed_target_is_a_new_version_with_reason_and_authority(cast):
    stage(TARGETS, cast.admin, table(GOALS, GOAL), answers=HOME).confirm(cast.admin)
    row = [*GOAL, "年中调整", "常务会议纪要3号"]
    row[6] = "不低于550亿元"
    done = stage(TARGETS, cast.admin, table(GOALS, row), answers=HOME)
    assert done.statuses == ["changed"], done.problems
    assert done.rows[0].before["value"] == "520"
    done.confirm(cast.admin)
    first, second = Target.objects.filter(code="output-2026").order_by("version")
    assert (first.value, second.value, second.comparator, second.printed) == (520, 550, ">=", "不低于550亿元")
    assert (second.reason, second.authority) == ("年中调整", "常务会议纪要3号")
    done.undo(cast.admin, "录错了")
    third = Target.objects.get(code="output-2026", version=3)
    assert (third.value, third.printed, third.reason) == (520, "", "录错了")
    assert third.authority == f"撤销导入 {done.job.pk}“名单.xlsx”"


def test_changed_target_without_reason_is_refused(cast):
    stage(TARGETS, cast.admin, table(GOALS, GOAL), answers=HOME).confirm(cast.admin)
    row = list(GOAL)
    row[6] = "550"
    ((line, _column, message),) = stage(TARGETS, cast.admin, table(GOALS, row), answers=HOME).problems
    assert line == 2
    assert "调整目标须写明理由和批准依据" in message


def test_same_target_is_no_version_though_digits_or_reason_differ(cast):
    stage(TARGETS, cast.admin, table(GOALS, GOAL), answers=HOME).confirm(cast.admin)
    row = [*GOAL, "无", "无"]
    row[6] = "520.0"
    done = stage(TARGETS, cast.admin, table(GOALS, row), answers=HOME)
    assert done.statuses == ["same"], done.problems


@pytest.mark.parametrize(
    ("place", "cell", "column", "said"),
    [
        (3, "没有的指标", "D", "没有代码或名称为“没有的指标”的指标"),
        (5, "斤两", "F", "不是认得的计量单位"),
        (6, "很多", "G", "不是认得的数据写法"),
        (6, "1" * 40, "G", "位数过多"),
        (7, "明年", "H", "不是认得的期别写法"),
        (7, "2026年6月", "H", "可以读作当月、累计、时点"),
        (1, "目" * 81, "B", "有 81 个字，最多 80 个"),
        (6, "", "", "请填写目标值"),
    ],
)
def test_bad_targets(cast, place, cell, column, said):
    row = list(GOAL)
    row[place] = cell
    done = stage(TARGETS, cast.admin, table(GOALS, row), answers=HOME)
    assert done.statuses == ["refused"]
    ((line, where, message),) = done.problems
    assert (line, where) == (2, column)
    assert said in message


def test_monthly_plan_stands_in_columns_of_its_own(cast):
    head = (*GOALS[:9], "进度方法", "6月计划", "12月")
    sheet = table(head, (*GOAL, "按月度计划", "250.0", "520"))
    done = stage(TARGETS, cast.admin, sheet, answers=HOME)
    assert done.statuses == ["new"], done.problems
    done.confirm(cast.admin)
    points = Target.objects.get(code="output-2026").points.order_by("due_on")
    assert [(one.due_on, str(one.value)) for one in points] == [
        (dt.date(2026, 6, 30), "250.0"),
        (dt.date(2026, 12, 31), "520"),
    ]
    again = stage(TARGETS, cast.admin, sheet, answers=HOME)
    assert again.statuses == ["same"], again.problems
    moved = table((*head, "调整理由", "批准依据"), (*GOAL, "按月度计划", "260", "520", "调整", "纪要"))
    changed = stage(TARGETS, cast.admin, moved, answers=HOME)
    assert changed.statuses == ["changed"], changed.problems
    late = table(head, (*GOAL, "按月度计划", "530", "520"))
    ((_line, _column, message),) = stage(TARGETS, cast.admin, late, answers=HOME).problems
    assert message


def test_target_that_was_changed_since_stands_in_the_way(cast):
    done = stage(TARGETS, cast.admin, table(GOALS, GOAL), answers=HOME)
    done.confirm(cast.admin)
    row = [*GOAL, "调整", "纪要"]
    row[6] = "550"
    with acting(by=cast.admin, origin="test"):
        stage(TARGETS, cast.admin, table(GOALS, row), answers=HOME).confirm(cast.admin)
    assert len(done.kind.undo_obstacles(done.job, cast.admin)) == 1
