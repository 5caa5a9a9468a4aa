"""Places, lists, numbered members and projects from a file. The article's list of 52 placeholders stands before."""

from __future__ import annotations

import datetime as dt

from lvyuan.accounts.models import Department
from projects.imports import LISTS, MEMBERS, PLACES, PROJECTS
from projects.models import KeyProject, ListMembership, Place, ProjectList, StageEvent
from tests.imports.records import entries_table, stage, table

HOME = {"district:1": "220106"}
HEAD = ("清单", "序号", "项目名称", "项目类别", "责任单位", "战略节点")


def test_placeholder_gets_a_name_and_loses_the_start_that_fitted_no_one(cast):
    before = StageEvent.objects.get(project__code="key-2023-03")
    sheet = table(HEAD, ("key-2023", "3", "客车配套园", "在建项目", "工信局", "S1.1"))
    done = stage(MEMBERS, cast.admin, sheet, answers=HOME)
    assert done.statuses == ["changed"], done.problems
    assert StageEvent.objects.filter(pk=before.pk).exists()
    done.confirm(cast.admin)
    project = KeyProject.objects.get(code="key-2023-03")
    assert (project.name, project.is_placeholder, project.department.code) == ("客车配套园", False, "gxj")
    assert [node.code for node in project.nodes.all()] == ["S1.1"]
    assert not project.events.exists()
    done.undo(cast.admin)
    project.refresh_from_db()
    assert (project.name, project.is_placeholder, project.department) == ("重点项目03（名称待录入）", True, None)
    start = project.events.get()
    assert (start.no_later_than, start.is_unspecified, start.known_from) == (
        dt.date(2023, 8, 4),
        True,
        before.known_from,
    )


def test_member_that_keeps_its_name_stays_a_placeholder(cast):
    done = stage(MEMBERS, cast.admin, table(HEAD, ("key-2023", "3", "", "", "工信局")), answers=HOME)
    done.confirm(cast.admin)
    project = KeyProject.objects.get(code="key-2023-03")
    assert (project.is_placeholder, project.department) == (True, Department.objects.get(code="gxj"))
    assert project.events.count() == 1


def test_new_list_with_new_members(cast):
    lists = table(("清单代码", "清单名称", "年度", "来源"), ("key-2026", "2026年重点项目", "2026", "article-2023-08"))
    made = stage(LISTS, cast.admin, lists, answers=HOME)
    made.confirm(cast.admin)
    done = stage(MEMBERS, cast.admin, table(HEAD, ("key-2026", "1", "甲园"), ("key-2026", "2", "乙园")), answers=HOME)
    assert done.statuses == ["new", "new"], done.problems
    done.confirm(cast.admin)
    listed = ProjectList.objects.get(code="key-2026")
    told = [(m.number, m.project.code, m.project.name, m.project.is_placeholder) for m in listed.memberships.all()]
    assert told == [(1, "key-2026-01", "甲园", False), (2, "key-2026-02", "乙园", False)]
    assert made.kind.undo_obstacles(made.job, cast.admin) == [
        "“220106/key-2026”已有 2 条列入清单用到，不能移除。请先处理它们，或保留这一条。"
    ]
    done.undo(cast.admin)
    assert not KeyProject.objects.filter(code__startswith="key-2026").exists()
    made.undo(cast.admin)
    assert not ProjectList.objects.filter(code="key-2026").exists()


def test_bad_members(cast):
    sheet = table(
        (*HEAD, "项目代码", "移出日期"),
        ("key-1999", "1", "甲"),
        ("key-2023", "第一", "甲"),
        ("key-2023", "4", "甲", "", "", "S9"),
        ("key-2023", "5", "甲", "", "", "", "other"),
        ("key-2023", "99999", "甲"),
        ("key-2023", "6", "甲", "", "", "", "", "2026-02-30"),
    )
    done = stage(MEMBERS, cast.admin, sheet, answers=HOME)
    assert set(done.statuses) == {"refused"}
    assert [(line, column) for line, column, _message in done.problems] == [
        (2, "A"),
        (3, "B"),
        (4, "F"),
        (5, "G"),
        (6, "B"),
        (7, "H"),
    ]
    assert ListMembership.objects.count() == 52


def test_project_with_stage_from_json(cast):
    entry = {
        "district": "220106",
        "code": "new-hospital",
        "name": "新医院",
        "source": "article-2023-08",
        "known_from": "2023-08-04T00:00:00+08:00",
        "events": '[{"stage": "planned", "no_later_than": "2023-08-04", "evidence_kind": "wording"}]',
    }
    done = stage(PROJECTS, cast.admin, entries_table("projects", [entry]))
    assert done.statuses == ["new"], done.problems
    done.confirm(cast.admin)
    assert StageEvent.objects.get(project__code="new-hospital").source.code == "article-2023-08"
    done.undo(cast.admin)
    assert not KeyProject.objects.filter(code="new-hospital").exists()


def test_place(cast):
    sheet = table(
        ("地点代码", "地点类别", "地点名称", "战略节点", "来源"),
        ("new-park", "园区", "新园", "S2.1", "article-2023-08"),
        ("lvyuan-edz", "园区", "绿园经济开发区", "", ""),
    )
    done = stage(PLACES, cast.admin, sheet, answers=HOME)
    assert done.statuses == ["new", "changed"], done.problems
    done.confirm(cast.admin)
    assert Place.objects.get(code="new-park").node.code == "S2.1"
    done.undo(cast.admin)
    assert Place.objects.get(code="lvyuan-edz").name == "绿园经开区"
