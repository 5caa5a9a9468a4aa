"""The import of indicators with their dated definitions, and of who reports them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.imports.definitions.shared import (
    indicator_codes,
    node_codes,
    node_field,
    plan_codes,
    plan_field,
    told,
    unit,
)
from indicators.loading import (
    load_assignments,
    load_indicators,
)
from indicators.models import (
    Assignment,
    Indicator,
    IndicatorVersion,
    Vintage,
)
from lvyuan.accounts.imports import CODE, department_codes, district_codes, district_field, home_district
from lvyuan.accounts.loading import Folder
from lvyuan.accounts.models import User
from lvyuan.imports.records import (
    Codes,
    Entry,
    Field,
    RecordKind,
    day,
    nested,
    of,
    reference,
)

VERSION = ("valid_from", "valid_to", "unit", "definition", "scope", "price_basis", "formula", "decimals")


def _of_version(name: str, *names: Any, **more: Any) -> Field:
    return of(IndicatorVersion, name, *names, **more)


class Indicators(RecordKind):
    """An indicator with its owner, nodes and dated definitions; a row tells of one definition.

    A later start than that of the definition in force ends that one the day before.
    """

    code, label = "indicators", _("指标")
    about = _("指标的名称、单位、口径和公布日历。")
    model, file, section = Indicator, "indicators.json", "indicators"
    key, lookups = ("code",), {"code": "code"}
    fields = (
        of(Indicator, "code", _("指标代码"), _("代码"), example="industrial_output", comment=CODE),
        of(Indicator, "name", _("指标名称"), _("指标"), required=True, example="规上工业总产值"),
        of(Indicator, "name_en"),
        of(Indicator, "aliases", _("别名"), _("其他名称"), comment=_("几个之间用顿号")),
        of(Indicator, "category", _("领域"), _("类别"), required=True, example="经济"),
        of(Indicator, "nature", _("性质"), _("指标性质"), required=True, example="时期数"),
        of(Indicator, "direction", example="越高越好"),
        of(Indicator, "calendar", _("报送日历"), _("频率"), required=True, example="每月（无1月，首期1—2月）"),
        of(Indicator, "primary_kind", required=True, example="累计"),
        of(Indicator, "lag_months"),
        district_field(),
        of(
            Indicator,
            "owner",
            _("责任单位"),
            _("责任部门"),
            _("填报单位"),
            read=reference("departments", "district"),
            codes="departments",
            within="district",
            empty=None,
            example="工信局",
            comment=_("部门代码或名称；另定填报单位请导入“填报分工”"),
        ),
        Field(
            name="assigned_from",
            names=(_("填报起始日期"), _("填报起始")),
            read=day,
            empty=None,
            example="2020-01-01",
            comment=_("有责任单位的新指标必填：从哪天起由它填报"),
        ),
        plan_field(),
        node_field("nodes"),
        of(Indicator, "asks_rank"),
        of(Indicator, "is_headline"),
        of(Indicator, "order", _("排序"), _("序号")),
        of(Indicator, "note"),
        _of_version("unit", _("计量单位"), _("单位"), read=unit, example="亿元"),
        _of_version("valid_from", _("口径起始日期"), _("口径起"), example="2020-01-01"),
        _of_version("valid_to", _("口径终止日期"), _("口径止")),
        _of_version("definition", _("定义"), _("指标定义")),
        _of_version("scope", _("口径"), _("统计口径")),
        _of_version("price_basis"),
        _of_version("formula"),
        _of_version("decimals"),
        Field(name="versions", names=(_("口径版本"),), read=nested, empty=[], in_template=False),
    )

    def codes(self) -> dict[str, Codes]:
        return {
            "districts": district_codes(),
            "departments": department_codes(),
            "plans": plan_codes(),
            "nodes": node_codes(),
        }

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        related = ("versions", "indicatornode_set__node__plan", "assignments__district")
        return super().found(keys).select_related("owner__district").prefetch_related(*related)

    def entry_of(self, found: Indicator) -> Entry:
        entry = told(found, "code", "name", "name_en", "aliases", "category", "nature", "direction", "calendar")
        entry |= told(found, "primary_kind", "lag_months", "owner", "asks_rank", "is_headline", "order", "note")
        nodes = [link.node for link in found.indicatornode_set.all()]
        newest = max((node.plan for node in nodes), key=lambda plan: plan.valid_from, default=None)
        assumed = [one for one in found.assignments.all() if one.is_assumed]
        return entry | {
            "district": found.owner and found.owner.district.code,
            "assigned_from": assumed[0].valid_from.isoformat() if assumed else None,
            "plan": newest and newest.code,
            "nodes": sorted(node.code for node in nodes if node.plan == newest),
            "versions": [told(one, *VERSION) for one in sorted(found.versions.all(), key=lambda v: v.valid_from)],
        }

    def complete(self, said: Entry, before: Entry) -> Entry:
        own = {name: said[name] for name in VERSION if name in said}
        rest = {name: value for name, value in said.items() if name not in VERSION}
        versions = [dict(one) for one in before.get("versions", [])]
        if "versions" in said:
            starts = {one.get("valid_from") for one in said["versions"]}
            versions = [one for one in versions if one["valid_from"] not in starts] + said["versions"]
        elif own:
            versions = _with_version(versions, own)
        entry = {**before, **rest, "versions": sorted(versions, key=lambda one: str(one.get("valid_from")))}
        entry["nodes"] = sorted(entry.get("nodes") or [])
        return entry

    def load(self, folder: Folder, by: User) -> None:
        load_indicators(folder)

    def objections(self, before: Entry, after: Entry, by: User) -> Iterable[tuple[str, str, str]]:
        """A definition that figures refer to can only be ended, as on the admin site."""
        stored = {one["valid_from"]: one for one in before.get("versions", [])}
        changed = {
            one["valid_from"]: [name for name in VERSION if name != "valid_to" and one[name] != was[name]]
            for one in after.get("versions", [])
            if (was := stored.get(one["valid_from"]))
        }
        if not any(changed.values()):
            return
        used = Vintage.objects.filter(version__indicator__code=after["code"]).values_list("version__valid_from")
        starts = {start.isoformat() for (start,) in used.distinct()}
        for start, names in changed.items():
            for name in names if start in starts else ():
                title = self._fields[name].title
                yield (
                    name,
                    gettext("%(start)s起的口径已有数据使用，不能改“%(field)s”") % {"start": start, "field": title},
                    gettext("口径有变请写新的“口径起始日期”，系统会另存一个版本"),
                )

    def whole(self, found: Indicator) -> list[models.Model]:
        return [*found.assignments.filter(is_assumed=True), *found.versions.all(), found]

    def surplus(self, found: Indicator, before: Entry) -> list[models.Model]:
        starts = {one["valid_from"] for one in before.get("versions", [])}
        gone: list[models.Model] = [one for one in found.versions.all() if one.valid_from.isoformat() not in starts]
        if before.get("assigned_from") is None:
            gone += found.assignments.filter(is_assumed=True)
        return gone


def _with_version(versions: list[Entry], own: Entry) -> list[Entry]:
    """The versions with what a row says of one: that of its start, by default the newest."""
    if not versions:
        return [{"decimals": "2"} | own]
    newest = versions[-1]
    start = own.get("valid_from") or newest["valid_from"]
    for one in versions:
        if one["valid_from"] == start:
            one |= own | {"valid_from": start}
            return versions
    if start > newest["valid_from"] and newest["valid_to"] is None:
        newest["valid_to"] = (dt.date.fromisoformat(start) - dt.timedelta(1)).isoformat()
    # A new definition says what is new; the rest goes on.
    return [*versions, {**newest, "valid_to": None, **own}]


class Assignments(RecordKind):
    code, label = "assignments", _("填报分工")
    about = _("哪项指标由哪个单位、从何时起填报。")
    model, file, section = Assignment, "assignments.json", "assignments"
    key = ("district", "indicator", "valid_from")
    lookups = {"district": "district__code", "indicator": "indicator__code", "valid_from": "valid_from"}
    fields = (
        district_field(),
        of(
            Assignment,
            "indicator",
            _("指标"),
            _("指标代码"),
            _("指标名称"),
            read=reference("indicators"),
            codes="indicators",
            example="规上工业总产值",
        ),
        of(
            Assignment,
            "department",
            _("填报单位"),
            _("部门"),
            _("责任单位"),
            read=reference("departments", "district"),
            codes="departments",
            within="district",
            required=True,
            example="工信局",
        ),
        of(Assignment, "valid_from", _("起"), _("起始日期"), example="2024-01-01"),
        of(Assignment, "valid_to", _("止"), _("终止日期"), comment=_("最后一天；一直有效请留空")),
        of(Assignment, "is_assumed", in_template=False),
    )

    def codes(self) -> dict[str, Codes]:
        return {"districts": district_codes(), "departments": department_codes(), "indicators": indicator_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("district", "indicator", "department")

    def entry_of(self, found: Assignment) -> Entry:
        return told(found, *(one.name for one in self.fields))

    def complete(self, said: Entry, before: Entry) -> Entry:
        """What an admin says is no assumption."""
        return {"is_assumed": False, **before, **said}

    def load(self, folder: Folder, by: User) -> None:
        load_assignments(folder)
