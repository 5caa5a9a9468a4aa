"""Answers are offered again for the next file of the same shape, to the same sender."""

from __future__ import annotations

import pytest

from lvyuan.imports.mappings import fingerprint, remember, remembered
from lvyuan.imports.models import ImportJob, SavedMapping
from lvyuan.imports.table import RETURNED_HEADS, Head, Row, Table


def table(*paths: str | tuple[str, ...], sheet: str = "6月", figure: str = "1") -> Table:
    heads = [Head(number, (path,) if isinstance(path, str) else path) for number, path in enumerate(paths, 1)]
    return Table(sheet=sheet, heads=heads, rows=[Row(2, [figure] * len(heads))])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2023年1—6月", "2023年1-7月"),
        ("2022年1～12月完成", "2023年1—2月完成"),
        ("2023年上半年", "2023年前三季度"),
        ("2023年一季度", "2023年第四季度"),
        ("2023-06-30", "2023-07-31"),
        ("2023年 6月末", "2023年10月末"),
        ("比1—5月加快", "比1—6月加快"),
    ],
)
def test_next_months_file_has_the_same_shape(earlier, later):
    june, july = table("指标", earlier, sheet="6月"), table("指标", later, sheet="7月", figure="2")
    assert fingerprint([june]) == fingerprint([july])


@pytest.mark.parametrize(
    "other",
    [
        [table("指标", "2023年1—6月", "增速")],
        [table("指标", "2023年1—6月完成")],
        [table("2023年1—6月", "指标")],
        [table("指标", ("2023年", "1—6月"))],
        [table("指标", "2023年1—6月"), table("指标", "2023年1—6月")],
    ],
)
def test_other_heads_are_another_shape(other):
    assert fingerprint([table("指标", "2023年1—6月")]) != fingerprint(other)


def test_error_workbook_has_the_shape_of_its_file():
    file = table("指标", ("2023年1—9月", "绝对量"))
    returned = table("指标", ("2023年1—9月", "绝对量"), RETURNED_HEADS[0], ("完成情况", RETURNED_HEADS[1]))
    assert fingerprint([returned]) == fingerprint([file])


def job_of(user, **answers: str) -> ImportJob:
    told = {code.replace("__", ":"): answer for code, answer in answers.items()}
    return ImportJob(kind="observations", file_name="六月.xlsx", size=1, created_by=user, answers=told)


@pytest.mark.django_db
def test_choices_of_shape_are_kept_and_those_of_one_file_are_not(cast):
    june, july = [table("指标", "1—6月")], [table("指标", "1—7月")]
    job = job_of(cast.admin, unit__1__B="万元", column__1__C="ignore", period__1="2023年", percent__1__B="fraction")
    remember(job, june)
    assert remembered(cast.admin, "observations", july) == {"unit:1:B": "万元", "column:1:C": "ignore"}
    assert remembered(cast.staff, "observations", july) == {}
    assert remembered(cast.admin, "targets", july) == {}


@pytest.mark.django_db
def test_later_choice_replaces_the_earlier(cast):
    tables = [table("指标", "1—6月")]
    remember(job_of(cast.admin, unit__1__B="万元", indicator__1__产值="gdp"), tables)
    remember(job_of(cast.admin, unit__1__B="亿元"), tables)
    assert remembered(cast.admin, "observations", tables) == {"unit:1:B": "亿元", "indicator:1:产值": "gdp"}
    assert SavedMapping.objects.count() == 1


@pytest.mark.django_db
def test_choice_taken_back_is_forgotten(cast):
    tables = [table("指标", "1—6月")]
    remember(job_of(cast.admin, unit__1__B="万元", column__1__C="growth"), tables)
    remember(job_of(cast.admin, unit__1__B="万元"), tables, taken_back={"column:1:C"})
    assert remembered(cast.admin, "observations", tables) == {"unit:1:B": "万元"}


@pytest.mark.django_db
def test_nothing_answered_leaves_nothing(cast):
    remember(job_of(cast.admin, year__1="2023"), [table("指标", "1—6月")])
    assert SavedMapping.objects.count() == 0
