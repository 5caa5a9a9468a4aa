"""Definitions as they come: lists of departments, people, indicators, targets and projects, right and wrong."""

from __future__ import annotations

import json
from pathlib import Path

from tests.imports import files
from tests.imports.corpus import case

DEPARTMENTS = ["区划", "部门代码", "部门名称", "部门简称"]
USERS = ["用户名", "姓名", "角色", "区划", "部门"]
NODES = ["战略", "节点代码", "节点名称", "上级节点"]
PLANS = ["战略代码", "战略名称", "起始日期", "来源"]
GOALS = ["区划", "目标代码", "目标名称", "类别", "指标", "目标对象", "计量单位", "目标值", "期限", "来源"]
GOAL = ["绿园区", "gdp-2026", "生产总值", "年度目标", "gdp", "总量", "亿元", 410, "2026年", "article-2023-08"]
MEMBERS = ["区划", "清单", "序号", "项目名称"]


@case("部门-重复.xlsx", kind="departments", refused="与工作表“数据”第3行重复", place=("数据", 2, ""))
def twice(path: Path) -> None:
    """One department on two lines that disagree."""
    files.workbook(path, DEPARTMENTS, ["绿园区", "abc", "甲局", "甲局"], ["220106", "abc", "乙局", "乙局"])


@case(
    "部门-缺列.xlsx", kind="departments", refused="缺少“部门代码”列；现有的列是：“区划”、“科室”", place=("数据", 1, "")
)
def no_code(path: Path) -> None:
    """No column tells the departments apart."""
    files.workbook(path, ["区划", "科室"], ["绿园区", "一科"])


@case("部门-两列.xlsx", kind="departments", refused="是同一项内容，不能确定用哪一列", place=("数据", 1, "C"))
def two_columns(path: Path) -> None:
    """Two columns for one field."""
    files.workbook(path, ["区划", "部门代码", "单位代码"], ["绿园区", "abc", "abd"])


@case("部门-过长.xlsx", kind="departments", refused="有 21 个字，最多 20 个", place=("数据", 2, "D"))
def too_long(path: Path) -> None:
    """A short name that its column cannot hold."""
    files.workbook(path, DEPARTMENTS, ["绿园区", "abc", "甲局", "简" * 21])


@case("部门-没有区划.csv", kind="departments", asks=["district:1"])
def no_district(path: Path) -> None:
    """Nobody says which district the departments belong to."""
    path.write_bytes(files.csv_bytes(DEPARTMENTS[1:], ["abc", "甲局", "甲局"]))


@case("部门-相近的列名.csv", kind="departments", asks=["column:1:C"])
def similar(path: Path) -> None:
    """A header that is nearly the name of a column."""
    path.write_bytes(files.csv_bytes(["区划", "部门代码", "部门的名称", "部门简称"], ["绿园区", "abc", "甲局", "甲局"]))


@case("用户-外区部门.xlsx", kind="users", refused="是绿园区的部门，不是朝阳区的", place=("数据", 2, "E"))
def department_of_another_district(path: Path) -> None:
    """A department that the named district does not have."""
    files.workbook(path, USERS, ["zhangsan", "张三", "填报员", "朝阳区", "工信局"])


@case("用户-没有角色.xlsx", kind="users", refused="没有写“角色”", place=("数据", 2, "C"))
def no_role(path: Path) -> None:
    """A new account of nobody knows what role."""
    files.workbook(path, USERS, ["zhangsan", "张三", "", "绿园区", "工信局"])


@case("战略-循环.xlsx", kind="strategy", refused="上下级成了循环：第 2、3 行互为上级", place=("数据", 3, "D"))
def circle(path: Path) -> None:
    """Two nodes that are each other's parent."""
    plan = "three-three-five"
    files.workbook(path, NODES, [plan, "X", "甲", "Y"], [plan, "Y", "乙", "X"])


@case("战略-日期.xlsx", kind="plans", refused="没有2026年2月30日这一天", place=("数据", 2, "C"))
def no_such_day(path: Path) -> None:
    """A day that no calendar has."""
    files.workbook(path, PLANS, ["next", "下一战略", "2026-02-30", "article-2023-08"])


@case("目标-单位.xlsx", kind="targets", refused="“斤两”不是认得的计量单位", place=("数据", 2, "G"))
def bad_unit(path: Path) -> None:
    """A unit that is none."""
    files.workbook(path, GOALS, [*GOAL[:6], "斤两", *GOAL[7:]])


@case("目标-位数.xlsx", kind="targets", refused="位数过多", place=("数据", 2, "H"))
def too_many_digits(path: Path) -> None:
    """A number that no column can keep."""
    files.workbook(path, GOALS, [*GOAL[:7], "9" * 39, *GOAL[8:]])


@case("目标-指标.xlsx", kind="targets", refused="没有代码或名称为“生产总质”的指标", place=("数据", 2, "E"))
def unknown_indicator(path: Path) -> None:
    """A slip in the indicator's name."""
    files.workbook(path, GOALS, [*GOAL[:4], "生产总质", *GOAL[5:]])


@case("项目-序号.xlsx", kind="projects", refused="“第一”不是整数", place=("数据", 2, "C"))
def number_in_words(path: Path) -> None:
    """A number in words."""
    files.workbook(path, MEMBERS, ["绿园区", "key-2023", "第一", "甲园"])


@case(
    "部门-外键.json",
    kind="departments",
    refused="没有代码或名称为“7”的区划",
    place=("accounts.department", 1, "district"),
)
def key_of_another_database(path: Path) -> None:
    """A Django dump that names a district by a key which only its own database knows."""
    fields = {"district": 7, "code": "abc", "name": "甲局", "short_name": "甲局"}
    path.write_text(json.dumps([{"model": "accounts.department", "pk": 1, "fields": fields}]), encoding="utf-8")
