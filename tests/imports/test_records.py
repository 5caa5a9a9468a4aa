from __future__ import annotations

import pytest

from lvyuan.accounts.imports import DEPARTMENTS, DISTRICTS
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.context import acting
from lvyuan.audit.models import Event
from lvyuan.imports.models import ImportJob, ImportProblem, StagedRecord
from lvyuan.imports.registry import ImportConflict
from tests.conftest import make_user
from tests.imports.records import Book, entries_table, stage, table

HEAD = ("区划", "部门代码", "部门名称", "部门简称", "联系电话")


@pytest.fixture
def admin(db) -> User:
    return make_user("t-admin", Role.ADMIN)


def layout(kind, by, *tables, **answers):
    return kind.layout(Book(list(tables)), answers, by)


# Which column is which


def test_columns_by_name_alias_and_field_name(admin):
    told = layout(DEPARTMENTS, admin, table(("所属区", "code", "单位全称", "简称", "备用")))
    assert [column.use for column in told.columns] == ["区划", "部门代码", "部门名称", "部门简称", ""]
    assert [column.letter for column in told.columns] == ["A", "B", "C", "D", "E"]
    assert not told.questions
    assert not told.problems


def test_similar_name_is_asked_and_never_taken_by_itself(admin):
    sheet = table(("区划", "部门代码", "部门的名称", "部门简称"), ("绿园区", "xyz", "某局", "某局"))
    told = layout(DEPARTMENTS, admin, sheet)
    (question,) = told.open_questions
    assert (question.code, question.suggested) == ("column:1:C", "name")
    assert "C列“部门的名称”这一列是不是“部门名称”" in question.text
    answered = layout(DEPARTMENTS, admin, sheet, **{"column:1:C": "name"})
    assert not answered.open_questions
    assert answered.columns[2].use == "部门名称"
    ignored = layout(DEPARTMENTS, admin, sheet, **{"column:1:C": "ignore"})
    assert ignored.columns[2].use == ""
    assert not ignored.questions


def test_missing_key_column_names_what_is_there(admin):
    told = layout(DEPARTMENTS, admin, table(("区划", "部门全称", "科室"), ("绿园区", "某局", "一科")))
    (problem,) = told.problems
    assert problem.line == 1
    assert problem.message == "缺少“部门代码”列；现有的列是：“区划”、“部门全称”、“科室”"
    assert problem.remedy


def test_header_below_a_title(admin):
    done = stage(DEPARTMENTS, admin, table(("部门名单",), ("2026年",), HEAD, ("绿园区", "xyz", "某局", "某局")))
    assert [(row.line, row.key, row.status) for row in done.rows] == [(4, "220106/xyz", "new")]
    assert [column.letter for column in done.layout.columns] == ["A", "B", "C", "D", "E"]
    (problem,) = layout(DEPARTMENTS, admin, table(("部门名单",), HEAD[:1], ("绿园区",))).problems
    assert problem.message.startswith("缺少“部门代码”列")


def test_two_columns_for_one_field(admin):
    told = layout(DEPARTMENTS, admin, table(("区划", "部门代码", "单位代码", "简称")))
    (problem,) = told.problems
    assert (problem.line, problem.column) == (1, "C")
    assert problem.message == "“部门代码”和“单位代码”是同一项内容，不能确定用哪一列"
    assert not layout(DEPARTMENTS, admin, table(("区划", "部门代码", "单位代码")), **{"column:1:C": "ignore"}).problems


def test_district_is_asked_where_the_file_has_none(admin):
    sheet = table(("部门代码", "部门名称", "部门简称"), ("abc", "绿园区某局", "某局"))
    (question,) = layout(DEPARTMENTS, admin, sheet).open_questions
    assert (question.code, question.suggested) == ("district:1", "220106")
    done = stage(DEPARTMENTS, admin, sheet, answers={"district:1": "220106"})
    assert [(row.status, row.key) for row in done.rows] == [("new", "220106/abc")]


def test_two_tables_are_asked_about(admin):
    first, second = (table(HEAD[:4], sheet=name, number=n) for n, name in ((1, "2024"), (2, "2025")))
    told = layout(DEPARTMENTS, admin, first, second)
    assert [question.code for question in told.open_questions] == ["table:1", "table:2"]
    assert "工作表“2024”第1行" in told.open_questions[0].text
    chosen = layout(DEPARTMENTS, admin, first, second, **{"table:1": "no", "table:2": "yes"})
    assert [mapped.table.sheet for mapped in chosen.tables] == ["2025"]
    none = layout(DEPARTMENTS, admin, first, second, **{"table:1": "no", "table:2": "no"})
    assert [problem.message for problem in none.problems] == ["没有选择要导入的表"]


def test_hidden_rows_are_asked_about(admin):
    sheet = table(HEAD, ("绿园区", "abc", "某局", "某局"), ("绿园区", "abd", "另局", "另局"), hidden=[3])
    (question,) = layout(DEPARTMENTS, admin, sheet).open_questions
    assert question.code == "hidden_rows:1"
    assert len(stage(DEPARTMENTS, admin, sheet, answers={"hidden_rows:1": "no"}).rows) == 1
    assert len(stage(DEPARTMENTS, admin, sheet, answers={"hidden_rows:1": "yes"}).rows) == 2


def test_layout_asks_the_database_little(admin, django_assert_num_queries):
    for count in (1, 30):
        sheet = table(HEAD, *[("绿园区", f"a{n}", "某局", "某局") for n in range(count)])
        with django_assert_num_queries(1):
            layout(DEPARTMENTS, admin, sheet)


def test_too_many_records_are_refused_before_they_are_tried(admin, monkeypatch):
    monkeypatch.setattr("lvyuan.imports.records.layout.MAX_RECORDS", 2)
    sheet = table(HEAD[:4], *[("绿园区", f"a{n}", "某局", "某局") for n in range(3)])
    (problem,) = layout(DEPARTMENTS, admin, sheet).problems
    assert problem.message == "这张表有 3 行，一次最多导入 2 行"


# What the rows would do


def test_preview_tells_new_changed_and_same_and_writes_nothing(admin):
    before = list(Department.objects.order_by("pk").values())
    events = Event.objects.exclude(model__startswith="imports.").count()
    done = stage(
        DEPARTMENTS,
        admin,
        table(
            HEAD,
            ("绿园区", "tjj", "绿园区统计局", "统计局"),
            ("220106", "gxj", "", "工信", "0431-1"),
            ("绿园", "xyz", "绿园区某局", "某局"),
        ),
    )
    assert done.statuses == ["same", "changed", "new"]
    _same, changed, new = done.kind.shown(done.rows, admin)
    assert (changed.place, changed.key) == ("工作表“数据”第3行", "220106/gxj")
    assert changed.old == "部门简称：工信局；联系电话：（空）"
    assert changed.new == "部门简称：工信；联系电话：0431-1"
    assert new.old == ""
    assert "部门名称：绿园区某局" in new.new
    assert list(Department.objects.order_by("pk").values()) == before
    assert Event.objects.exclude(model__startswith="imports.").count() == events


def test_blank_is_silence_and_a_word_empties(admin):
    Department.objects.filter(code="gxj").update(phone="0431-1", head="张三")
    done = stage(DEPARTMENTS, admin, table((*HEAD, "负责人"), ("绿园区", "gxj", "", "", "清空", "")))
    assert done.statuses == ["changed"]
    done.confirm(admin)
    found = Department.objects.get(code="gxj")
    assert (found.phone, found.head) == ("", "张三")


def test_all_faults_at_once_with_place_and_remedy(admin):
    done = stage(
        DEPARTMENTS,
        admin,
        table(
            (*HEAD, "提交前须负责人签发", "排序"),
            ("朝阳", "abc", "某局", "某局", "", "也许", "三"),
            ("绿圆区", "abd", "某局", "某局"),
            ("绿园区", "", "某局", "某局"),
            ("绿园区", "a b", "某局", "某局"),
            ("绿园区", "abf", "局" * 81, "简" * 21),
            ("绿园区", "abe", "", "某局"),
            ("绿园区", "tjj", "", "", "1" * 31),
        ),
    )
    assert done.statuses == ["refused"] * 7
    assert done.problems == [
        (2, "G", "“排序”一栏：“三”不是整数"),
        (2, "F", "“提交前须负责人签发”一栏：“也许”既不是“是”也不是“否”"),
        (3, "A", "“区划”一栏：没有代码或名称为“绿圆区”的区划"),
        (4, "B", "没有写“部门代码”，不知道这一行说的是哪一个"),
        (5, "B", "“部门代码”一栏：“a b”不是代码：代码里只有字母、数字、连字符和下划线"),
        (6, "C", "“部门名称”一栏：有 81 个字，最多 80 个"),
        (6, "D", "“部门简称”一栏：有 21 个字，最多 20 个"),
        (7, "C", "这一行是新增的，没有写“部门名称”"),
        (8, "E", "“联系电话”一栏：有 31 个字，最多 30 个"),
    ]
    near = ImportProblem.objects.get(job=done.job, line=3)
    assert near.remedy == "最相近的是“绿园区”，请核对后改写"


def test_duplicates_name_each_other(admin):
    done = stage(
        DEPARTMENTS,
        admin,
        table(
            HEAD, ("绿园区", "abc", "某局", "某局"), ("绿园区", "tjj", "", "统计"), ("220106", "abc", "别局", "别局")
        ),
    )
    assert done.statuses == ["refused", "changed", "refused"]
    assert done.problems == [
        (2, "", "与工作表“数据”第4行重复：都是“220106 abc”"),
        (4, "", "与工作表“数据”第2行重复：都是“220106 abc”"),
    ]


def test_column_that_new_rows_need_is_told_once(admin):
    done = stage(DEPARTMENTS, admin, table(HEAD[:3], ("绿园区", "abc", "某局"), ("绿园区", "abd", "别局")))
    assert done.statuses == ["refused", "refused"]
    ((line, _column, message),) = done.problems
    assert line == 1
    assert message.startswith("缺少“部门简称”列（第 2、3 行是新增的，须写明）；现有的列是：“区划”")


def test_children_may_stand_before_their_parents(admin):
    head = ("区划代码", "名称", "简称", "上级")
    done = stage(
        DISTRICTS, admin, table(head, ("330102", "上城区", "上城", "330100"), ("330100", "杭州市", "杭州", ""))
    )
    assert done.statuses == ["new", "new"]
    done.confirm(admin)
    assert District.objects.get(code="330102").parent.name == "杭州市"


def test_circle_of_parents_is_named(admin):
    head = ("区划代码", "名称", "简称", "上级")
    done = stage(
        DISTRICTS, admin, table(head, ("330102", "上城区", "上城", "330100"), ("330100", "杭州市", "杭州", "330102"))
    )
    assert done.statuses == ["refused", "refused"]
    assert [problem[2] for problem in done.problems] == ["上下级成了循环：第 2、3 行互为上级"] * 2
    done = stage(DISTRICTS, admin, table(head, ("220100", "", "", "220106")))
    assert done.problems == [
        (2, "D", "“上级区划”一栏：“长春市”不能排在自己的下级之下，上下级成了循环"),
    ]


# Entries of JSON files


def test_entries_of_a_json_file(admin):
    entries = [{"district": "220106", "code": "abc", "name": "某局", "short_name": "某局", "is_assumed": "true"}]
    done = stage(DEPARTMENTS, admin, entries_table("departments", entries))
    assert done.statuses == ["new"]
    assert done.rows[0].data["is_assumed"] is True
    bad = stage(DEPARTMENTS, admin, entries_table("departments", [entries[0] | {"order": "x"}]))
    assert bad.problems == [(1, "order", "“排序”一栏：“x”不是整数")]


# Confirming


def test_confirmation_writes_in_the_persons_name(admin):
    done = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "xyz", "某局", "某局"), ("绿园区", "gxj", "", "工信")))
    done.confirm(admin)
    assert Department.objects.get(code="xyz").district.code == "220106"
    assert Department.objects.get(code="gxj").short_name == "工信"
    event = Event.objects.about(Department.objects.get(code="gxj")).first()
    assert (event.actor_id, event.operation) == (admin.pk, "update")


def test_an_import_wins_over_what_a_person_changed_before(admin):
    with acting(by=admin, origin="POST /admin/"):
        Department.objects.filter(code="gxj").update(short_name="工信局甲")
    done = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "gxj", "", "工信局乙")))
    done.confirm(admin)
    assert Department.objects.get(code="gxj").short_name == "工信局乙"


def test_change_after_the_preview_stops_the_confirmation(admin):
    done = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "gxj", "", "工信"), ("绿园区", "xyz", "某局", "某局")))
    Department.objects.filter(code="gxj").update(phone="1")
    with pytest.raises(ImportConflict, match="220106/gxj"):
        done.confirm(admin)
    assert not Department.objects.filter(code="xyz").exists()


def test_record_that_came_after_the_preview_stops_the_confirmation(admin):
    done = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "xyz", "某局", "某局")))
    home = District.objects.get(code="220106")
    Department.objects.create(district=home, code="xyz", name="他局", short_name="他局")
    with pytest.raises(ImportConflict, match="220106/xyz"):
        done.confirm(admin)


# Undoing


@pytest.fixture
def done(admin):
    done = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "xyz", "某局", "某局"), ("绿园区", "gxj", "", "工信")))
    done.confirm(admin)
    return done


def test_undo_puts_everything_back(admin, done):
    assert done.kind.undo_obstacles(done.job, admin) == []
    done.undo(admin)
    assert not Department.objects.filter(code="xyz").exists()
    assert Department.objects.get(code="gxj").short_name == "工信局"


def test_later_change_stands_in_the_way(admin, done):
    other = make_user("t-other", Role.ADMIN)
    with acting(by=other, origin="POST /admin/"):
        Department.objects.filter(code="gxj").update(phone="1")
    (obstacle,) = done.kind.undo_obstacles(done.job, admin)
    assert "“220106/gxj”在导入以后由T-Other（t-other，管理员）于" in obstacle
    with pytest.raises(ImportConflict, match="220106/gxj"):
        done.undo(admin)
    assert Department.objects.filter(code="xyz").exists()


def test_what_is_in_use_stands_in_the_way(admin, done):
    make_user("t-new", Role.STAFF, "xyz")
    assert done.kind.undo_obstacles(done.job, admin) == [
        "“220106/xyz”已有 1 条用户用到，不能移除。请先处理它们，或保留这一条。"
    ]


def test_job_that_was_never_confirmed_cannot_be_undone(admin):
    waiting = stage(DEPARTMENTS, admin, table(HEAD, ("绿园区", "xyz", "某局", "某局")))
    assert len(waiting.kind.undo_obstacles(waiting.job, admin)) == 1


# Who may


@pytest.mark.parametrize("name", ["staff", "reviewer", "leader", "auditor"])
def test_definitions_are_for_admins(cast, name):
    assert DEPARTMENTS.may_import(cast.admin)
    assert not DEPARTMENTS.may_import(getattr(cast, name))


def test_staged_rows_go_with_their_job(admin, done):
    assert StagedRecord.objects.filter(job=done.job).count() == 2
    ImportJob.objects.filter(pk=done.job.pk).delete()
    assert not StagedRecord.objects.filter(job=done.job).exists()
