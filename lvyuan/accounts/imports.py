"""The import of districts, departments and people; a file gives nobody more than the admin site would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.loading import Folder, Row, by_code, load_departments, load_districts
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.models import Event
from lvyuan.imports.models import RowStatus, StagedRecord
from lvyuan.imports.records import Codes, Context, Entry, Field, RecordKind, codes_of, of, own_reference, reference

PLACE = ("role", "district", "department", "is_department_head", "is_active")  # as in accounts.admin
CODE = _("小写字母、数字和连字符，以后不变")


def district_codes() -> Codes:
    """Districts by code, name and short name."""
    return codes_of(District._meta.verbose_name, District.objects.all(), "name", "short_name")


def department_codes() -> Codes:
    """Departments by code, name and short name, each in its district; two queries."""
    scopes = dict(District.objects.values_list("code", "name"))
    found = Department.objects.order_by("pk")
    return codes_of(Department._meta.verbose_name, found, "name", "short_name", scope="district__code", scopes=scopes)


def district_field(**more: Any) -> Field:
    """The district a row belongs to; asked for where the file has no such column."""
    names = (_("区划"), _("区划代码"), _("行政区划代码"), _("所属区"), _("区县"))
    return Field(
        name="district",
        names=names,
        read=reference("districts"),
        codes="districts",
        asked=True,
        example=settings.HOME_DISTRICT,
        comment=_("行政区划代码或名称"),
        empty=None,
        **more,
    )


def home_district() -> dict[str, str]:
    return {"district": settings.HOME_DISTRICT}


class Districts(RecordKind):
    code, label = "districts", _("区划")
    about = _("区划的代码、名称和上级。")
    model, file, section = District, "districts.json", "districts"
    key, lookups, parent = ("code",), {"code": "code"}, "parent"
    fields = (
        of(District, "code", _("区划代码"), _("代码"), example="220106", comment=_("6 至 12 位数字")),
        of(District, "name", required=True, example="绿园区"),
        of(District, "short_name", required=True, example="绿园"),
        of(District, "name_en"),
        of(District, "level", example="城区"),
        of(
            District,
            "parent",
            _("上级区划"),
            read=own_reference("districts"),
            codes="districts",
            empty=None,
            comment=_("上级的行政区划代码或名称"),
        ),
    )

    def codes(self) -> dict[str, Codes]:
        return {"districts": district_codes()}

    def entry_of(self, found: District) -> Entry:
        return {name: getattr(found, name) for name in ("code", "name", "short_name", "name_en", "level")} | {
            "parent": found.parent and found.parent.code
        }

    def load(self, folder: Folder, by: User) -> None:
        load_districts(folder)


class Departments(RecordKind):
    code, label = "departments", _("部门")
    about = _("填报单位的代码、名称和所属区划。")
    model, file, section = Department, "departments.json", "departments"
    key = ("district", "code")
    lookups = {"district": "district__code", "code": "code"}
    fields = (
        district_field(),
        of(
            Department,
            "code",
            _("部门代码"),
            _("单位代码"),
            example="gxj",
            comment=_("小写字母、数字和连字符，以后不变"),
        ),
        of(
            Department,
            "name",
            _("部门名称"),
            _("单位名称"),
            _("单位全称"),
            required=True,
            example="绿园区工业和信息化局",
        ),
        of(Department, "short_name", _("部门简称"), _("单位简称"), required=True, example="统计局"),
        of(Department, "order", _("排序"), _("序号")),
        of(Department, "head", _("单位负责人"), _("负责人")),
        of(Department, "statistics_head"),
        of(Department, "phone", _("联系电话"), _("电话")),
        of(Department, "needs_sign_off", example="否"),
        of(Department, "is_assumed", in_template=False),
    )

    def codes(self) -> dict[str, Codes]:
        return {"districts": district_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("district")

    def entry_of(self, found: Department) -> Entry:
        texts = ("code", "name", "short_name", "head", "statistics_head", "phone", "needs_sign_off", "is_assumed")
        told = {name: getattr(found, name) for name in texts}
        return told | {"district": found.district.code, "order": str(found.order)}

    def load(self, folder: Folder, by: User) -> None:
        load_departments(folder)


def _username(cell: str, context: Context) -> str:
    return User.normalize_username(cell)


class Users(RecordKind):
    """Accounts without passwords: a new one can sign in when an admin has given it one."""

    code, label = "users", _("用户")
    about = _("账号、姓名、角色和所属单位；不含密码，导入后在“定义 → 用户”里设置。")
    model, file, section = User, "users.json", "users"
    key, lookups = ("username",), {"username": "username"}
    unseen = frozenset({"last_login"})
    fields = (
        of(User, "username", _("用户名"), _("账号"), _("登录名"), read=_username, example="zhangsan"),
        of(User, "name", example="张三"),
        of(User, "role", required=True, example="填报员"),
        district_field(),
        of(
            User,
            "department",
            _("部门"),
            _("单位"),
            _("所在部门"),
            _("所在单位"),
            read=reference("departments", "district"),
            codes="departments",
            within="district",
            empty=None,
            example="工信局",
            comment=_("填报员必填：部门代码或名称"),
        ),
        of(User, "email", _("邮箱"), _("电子邮箱")),
        of(User, "is_department_head", example="否"),
        of(User, "is_active", _("启用"), _("有效"), _("是否启用"), comment=_("停用写“否”")),
    )

    def codes(self) -> dict[str, Codes]:
        return {"districts": district_codes(), "departments": department_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("department__district")

    def entry_of(self, found: User) -> Entry:
        texts = ("username", "name", "role", "email", "is_department_head", "is_active")
        department = found.department
        return {name: getattr(found, name) for name in texts} | {
            "district": department and department.district.code,
            "department": department and department.code,
        }

    def complete(self, said: Entry, before: Entry) -> Entry:
        """Who belongs to no department belongs to no district."""
        entry = {**before, **said}
        return entry if entry.get("department") else entry | {"district": None}

    def load(self, folder: Folder, by: User) -> None:
        districts = by_code(District.objects.all())
        departments: dict[District, dict[str, Department]] = {}

        def put(row: Row) -> None:
            district, named = row.maybe("district", districts), row.get("department")
            if district and district not in departments:
                departments[district] = by_code(district.departments.all())
            if row.get("role") == Role.STAFF and not named:
                row.fail("department", gettext("填报员必须属于一个部门"))
            folder.put(
                row,
                User,
                where={"username": User.normalize_username(row.text("username"))},
                fields=("name", "role", "email", "is_department_head", "is_active"),
                first={"password": make_password(None)},
                department=row.maybe("department", departments[district]) if district else None,
            )

        folder.each(self.file, self.section, put)

    def objections(self, before: Entry, after: Entry, by: User) -> Iterable[tuple[str, str, str]]:
        """Nobody gives a role to themselves."""
        if before and before["username"] == by.username:
            for name in PLACE:
                if before[name] != after[name]:
                    title = self._fields[name].title
                    yield (
                        name,
                        gettext("不能给自己改“%(field)s”") % {"field": title},
                        gettext("请由另一位管理员修改，或删去这一行"),
                    )

    def undo_objections(self, found: User, row: StagedRecord, by: User) -> list[str]:
        """An account that somebody has used is ended, not removed; one's own is for others to put back."""
        if found == by:
            return [gettext("这次导入改了您自己的账号，请由另一位管理员撤销。")]
        if row.status != RowStatus.NEW:
            return []
        if found.last_login or Event.objects.filter(actor_id=found.pk).exists():
            return [gettext("账号“%(key)s”已经有人用过，不能移除。请在账号页把它停用。") % {"key": row.key}]
        return []


DISTRICTS, DEPARTMENTS, USERS = Districts(), Departments(), Users()
