"""Accounts from a file: no passwords, and nothing that the admin site would forbid."""

from __future__ import annotations

import pytest

from lvyuan.accounts.imports import USERS
from lvyuan.accounts.models import Role, User
from lvyuan.imports.registry import ImportConflict
from tests.conftest import PASSWORD, make_user
from tests.imports.records import Book, entries_table, stage, table

HEAD = ("用户名", "姓名", "角色", "部门", "单位负责人", "启用")
HOME = {"district:1": "220106"}


def test_new_accounts_cannot_sign_in_before_an_admin_gives_a_password(cast):
    done = stage(USERS, cast.admin, table(HEAD, ("zhangsan", "张三", "填报员", "工信局")), answers=HOME)
    assert done.statuses == ["new"]
    assert not User.objects.filter(username="zhangsan").exists()
    done.confirm(cast.admin)
    person = User.objects.get(username="zhangsan")
    assert (person.name, person.role, person.department.code, person.is_active) == ("张三", "staff", "gxj", True)
    assert not person.has_usable_password()
    assert (person.is_superuser, person.is_staff) == (False, False)


def test_file_with_passwords_is_read_without_them(cast):
    told = USERS.layout(Book([table(("用户名", "角色", "密码", "is_superuser"))]), {}, cast.admin)
    assert [column.use for column in told.columns] == ["用户名", "角色", "", ""]


def test_changed_role_and_department(cast):
    sheet = table(
        (*HEAD, "区划"), ("t-staff2", "", "审核员", "清空", "", "", "清空"), ("t-leader", "王五", "", "", "", "否")
    )
    done = stage(USERS, cast.admin, sheet)
    assert done.statuses == ["changed", "changed"]
    assert done.kind.shown(done.rows, cast.admin)[0].new == "角色：审核员；区划：（空）；部门：（空）"
    done.confirm(cast.admin)
    cast.staff2.refresh_from_db()
    cast.leader.refresh_from_db()
    assert (cast.staff2.role, cast.staff2.department) == (Role.REVIEWER, None)
    assert (cast.leader.name, cast.leader.is_active) == ("王五", False)
    assert cast.staff2.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        (("t-new", "张三", "填报员", ""), "D", "填报员必须属于一个部门"),
        (("t-new", "张三", "", "工信局"), "C", "没有写“角色”"),
        (("t-new", "张三", "局长", "工信局"), "C", "“局长”不在可选的内容之内"),
        (("t-new", "张三", "填报员", "工信局儿"), "D", "没有代码或名称为“工信局儿”的部门"),
        (("t new", "张三", "领导", ""), "A", ""),
        (("t-new", "张三", "领导", "工信局", "是"), "", "单位负责人须是填报员"),
    ],
)
def test_bad_rows_name_column_and_reason(cast, row, column, said):
    done = stage(USERS, cast.admin, table(HEAD, row), answers=HOME)
    assert done.statuses == ["refused"]
    ((line, where, message),) = done.problems
    assert (line, where) == (2, column)
    assert said in message


def test_department_of_another_district(cast):
    sheet = table((*HEAD, "区划"), ("t-new", "张三", "填报员", "工信局", "", "", "朝阳区"))
    ((line, column, message),) = stage(USERS, cast.admin, sheet).problems
    assert (line, column) == (2, "D")
    assert message == "“部门”一栏：“工信局”是绿园区的部门，不是朝阳区的"


# Nobody gives a role to themselves


@pytest.mark.parametrize(
    ("cells", "field"),
    [({"角色": "审核员"}, "角色"), ({"启用": "否"}, "启用"), ({"部门": "tjj", "区划": "220106"}, "部门")],
)
def test_an_admin_cannot_change_their_own_place(cast, cells, field):
    names = ("用户名", *cells)
    done = stage(USERS, cast.admin, table(names, ("t-admin", *cells.values())))
    assert done.statuses == ["refused"]
    assert f"不能给自己改“{field}”" in [message for _line, _column, message in done.problems]


def test_an_admin_may_change_their_own_name(cast):
    done = stage(USERS, cast.admin, table(("用户名", "姓名"), ("t-admin", "李四")))
    assert done.statuses == ["changed"]


def test_an_account_that_is_used_is_not_removed(cast):
    done = stage(USERS, cast.admin, table(HEAD[:3], ("t-new", "张三", "领导"), ("t-leader", "赵六")))
    done.confirm(cast.admin)
    assert done.kind.undo_obstacles(done.job, cast.admin) == []
    person = User.objects.get(username="t-new")
    person.set_password(PASSWORD)
    person.save()
    assert done.kind.undo_obstacles(done.job, cast.admin) == []
    person.last_login = person.date_joined
    person.save()
    assert done.kind.undo_obstacles(done.job, cast.admin) == ["账号“t-new”已经有人用过，不能移除。请在账号页把它停用。"]
    with pytest.raises(ImportConflict):
        done.undo(cast.admin)


def test_undo_of_ones_own_account_is_for_others(cast):
    other = make_user("t-admin2", Role.ADMIN)
    done = stage(USERS, other, table(HEAD[:3], ("t-admin", "", "领导"), ("t-leader", "赵六", "")))
    done.confirm(other)
    cast.admin.refresh_from_db()
    assert done.kind.undo_obstacles(done.job, cast.admin) == ["这次导入改了您自己的账号，请由另一位管理员撤销。"]
    done.undo(other)
    cast.admin.refresh_from_db()
    cast.leader.refresh_from_db()
    assert (cast.admin.role, cast.leader.name) == (Role.ADMIN, "T-Leader")


def test_entries_of_a_json_file(cast):
    entry = {"username": "t-json", "role": "leader", "is_active": "false"}
    done = stage(USERS, cast.admin, entries_table("users", [entry]))
    done.confirm(cast.admin)
    assert not User.objects.get(username="t-json").is_active
