"""The import of strategy, indicators with their versions, assignments and targets.

A target that a file changes gets a new version, by the action that its page uses, with reason and authority.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.actions import set_target
from indicators.loading import (
    TargetCodes,
    load_assignments,
    load_indicators,
    load_nodes,
    load_plans,
    target_values,
)
from indicators.models import (
    Assignment,
    Comparator,
    Indicator,
    IndicatorVersion,
    Source,
    StrategyNode,
    StrategyPlan,
    Target,
    Vintage,
)
from indicators.models.fields import period_columns
from indicators.refusals import Refused
from indicators.written import figure_in_unit, storable
from lvyuan.accounts.imports import CODE, department_codes, district_codes, district_field, home_district
from lvyuan.accounts.loading import Folder, Row
from lvyuan.accounts.models import User
from lvyuan.imports.models import ImportJob
from lvyuan.imports.records import (
    Codes,
    Context,
    Entry,
    Fault,
    Field,
    Reader,
    RecordKind,
    RecordLayout,
    codes_of,
    day,
    nested,
    of,
    own_reference,
    period,
    reference,
    references,
)
from lvyuan.imports.registry import Layout, Progress
from lvyuan.numbers import NumberError, get_unit, plain
from lvyuan.periods import Period
from lvyuan.ui.words import refusal


def source_codes() -> Codes:
    return codes_of(Source._meta.verbose_name, Source.objects.all(), "title")


def plan_codes() -> Codes:
    return codes_of(StrategyPlan._meta.verbose_name, StrategyPlan.objects.all(), "name")


def node_codes() -> Codes:
    """Nodes by code and name, each in its plan; two queries."""
    scopes = dict(StrategyPlan.objects.values_list("code", "name"))
    found = StrategyNode.objects.order_by("pk")
    return codes_of(StrategyNode._meta.verbose_name, found, "name", scope="plan__code", scopes=scopes)


def indicator_codes() -> Codes:
    return codes_of(Indicator._meta.verbose_name, Indicator.objects.all(), "name", "aliases")


THIS_FILE = "file"  # the answer that says that a file is its own source


def source_field(**more: Any) -> Field:
    """Where it is said; asked for where the file has no such column."""
    return Field(
        name="source",
        names=(_("来源"), _("来源代码")),
        read=reference("sources"),
        codes="sources",
        asked=True,
        comment=_("来源的代码或标题"),
        more_options=((THIS_FILE, _("这份文件本身")),),
        **({"required": True} | more),
    )


class Sourced(RecordKind):
    """A kind whose records have a source, which may be the file itself."""

    def stage(self, job: ImportJob, book: Any, layout: Layout, user: User, progress: Progress) -> None:
        assert isinstance(layout, RecordLayout)
        for mapped in layout.tables:
            if mapped.fixed.get("source") == THIS_FILE:
                mapped.fixed["source"] = _own_source(job)
        super().stage(job, book, layout, user, progress)

    def prepare(self, job: ImportJob, entries: Sequence[Entry]) -> None:
        code = _own_source(job)
        if any(entry.get("source") == code for entry in entries):
            named = {"kind": Source.Kind.FILE, "title": job.file_name, "file_name": job.file_name[:120]}
            Source.objects.get_or_create(code=code, defaults=named)


def _own_source(job: ImportJob) -> str:
    return f"import-{job.pk}"


def plan_field() -> Field:
    return Field(
        name="plan",
        names=(_("战略"), _("战略代码"), _("所属战略")),
        read=reference("plans"),
        codes="plans",
        asked=True,
        empty=None,
        example="three-three-five",
    )


def node_field(name: str = "node") -> Field:
    is_one = name == "node"
    return Field(
        name=name,
        names=(_("战略节点"), _("节点")),
        read=reference("nodes", "plan") if is_one else references("nodes", "plan"),
        codes="nodes",
        within="plan",
        empty=None if is_one else [],
        example="S1.1",
        comment=_("节点代码或名称") if is_one else _("节点代码或名称，几个之间用顿号"),
    )


def unit(cell: str, context: Context) -> str:
    """A unit of measurement that the product knows."""
    try:
        return get_unit(cell).name
    except NumberError as error:
        raise Fault(gettext("“%(text)s”不是认得的计量单位") % {"text": cell}, refusal(error).rstrip("。")) from error


def told(found: models.Model, *names: str) -> Entry:
    """Columns of a stored object as a fixture writes them; what a name refers to as its code."""
    entry: Entry = {}
    for name in names:
        value = getattr(found, name)
        if isinstance(value, models.Model):
            value = getattr(value, "code")  # noqa: B009 - every definition has one
        elif isinstance(value, dt.date):
            value = value.isoformat()
        elif not isinstance(value, (bool, str, list, type(None))):
            value = plain(value) if hasattr(value, "as_tuple") else str(value)
        entry[name] = value
    return entry


class Plans(Sourced):
    code, label = "plans", _("战略")
    model, file, section = StrategyPlan, "strategy.json", "plans"
    key, lookups = ("code",), {"code": "code"}
    fields = (
        of(StrategyPlan, "code", _("战略代码"), example="three-three-five", comment=CODE),
        of(StrategyPlan, "name", _("战略名称"), required=True, example="“三三五”发展战略"),
        of(StrategyPlan, "name_en"),
        of(StrategyPlan, "valid_from", _("起始日期"), required=True, example="2023-08-04"),
        of(StrategyPlan, "valid_to", _("终止日期")),
        of(StrategyPlan, "upper_level"),
        source_field(),
        of(StrategyPlan, "locator"),
        of(StrategyPlan, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        return {"sources": source_codes()}

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("source")

    def entry_of(self, found: StrategyPlan) -> Entry:
        return told(found, *(one.name for one in self.fields))

    def load(self, folder: Folder, by: User) -> None:
        load_plans(folder)


class Strategy(RecordKind):
    code, label = "strategy", _("战略节点")
    model, file, section = StrategyNode, "strategy.json", "nodes"
    key, lookups, parent = ("plan", "code"), {"plan": "plan__code", "code": "code"}, "parent"
    fields = (
        plan_field(),
        of(StrategyNode, "code", _("节点代码"), example="S1.1"),
        of(
            StrategyNode,
            "parent",
            _("上级节点"),
            _("上级代码"),
            read=own_reference("nodes", "plan"),
            codes="nodes",
            within="plan",
            empty=None,
            example="S1",
            comment=_("上级节点的代码或名称，可在同一份文件里"),
        ),
        of(StrategyNode, "name", _("节点名称"), required=True, example="工业立区"),
        of(StrategyNode, "name_en"),
        of(StrategyNode, "order", _("排序"), _("序号")),
        of(StrategyNode, "keywords", comment=_("几个之间用顿号")),
        of(StrategyNode, "locator"),
        of(StrategyNode, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        return {"plans": plan_codes(), "nodes": node_codes()}

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("plan", "parent")

    def entry_of(self, found: StrategyNode) -> Entry:
        return told(found, *(one.name for one in self.fields))

    def load(self, folder: Folder, by: User) -> None:
        load_nodes(folder)


VERSION = ("valid_from", "valid_to", "unit", "definition", "scope", "price_basis", "formula", "decimals")


def _of_version(name: str, *names: Any, **more: Any) -> Field:
    return of(IndicatorVersion, name, *names, **more)


class Indicators(RecordKind):
    """An indicator with its owner, nodes and dated definitions; a row tells of one definition.

    A later start than that of the definition in force ends that one the day before.
    """

    code, label = "indicators", _("指标")
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


def _number(name: str) -> Reader:
    """Reads a target's number in the target's unit; an inexact one keeps its wording."""

    def read(cell: str, context: Context) -> str:
        is_rate = context.values.get("measure") == Target.Measure.GROWTH
        try:
            parsed = figure_in_unit(cell, "%" if is_rate else str(context.values.get("unit") or ""))
            if parsed.value is None:
                raise Fault(gettext("“%(text)s”不是数") % {"text": cell}, gettext("没有目标值请留空"))
            value = storable("value", parsed.value, cell)
        except NumberError as error:
            raise Fault(
                gettext("“%(text)s”%(problem)s") % {"text": cell, "problem": gettext(error.problem)},
                gettext(error.remedy),
            ) from error
        is_exact = parsed.comparator == Comparator.EQUAL
        if name != "value" and not is_exact:
            raise Fault(gettext("“%(text)s”不是确切的数") % {"text": cell}, gettext("请不写“余”“近”“约”"))
        if name == "value":
            context.also["comparator"] = parsed.comparator
            context.also["printed"] = "" if is_exact else parsed.printed
            if parsed.unit and not is_rate:
                context.also["unit"] = parsed.unit
        return plain(value)

    return read


_NUMBERS = ("value", "upper", "baseline_value")


class Targets(Sourced):
    """Targets, whose change is a new version. Everything is decided by the action."""

    code, label = "targets", _("目标")
    model, file, section = Target, "targets.json", "targets"
    key = ("district", "code")
    lookups = {"district": "district__code", "code": "code"}
    fields = (
        district_field(),
        of(Target, "code", _("目标代码"), _("代码"), example="industrial-output-2026", comment=CODE),
        of(Target, "name", _("目标名称"), required=True, example="规上工业总产值"),
        of(Target, "name_en"),
        of(Target, "kind", _("目标类别"), _("类别"), required=True, example="年度目标"),
        of(
            Target,
            "indicator",
            _("指标"),
            _("指标代码"),
            read=reference("indicators"),
            codes="indicators",
            empty=None,
            example="industrial_output",
            comment=_("指标代码或名称"),
        ),
        plan_field(),
        node_field(),
        of(Target, "measure", required=True, example="总量"),
        of(Target, "unit", _("计量单位"), _("单位"), read=unit, example="亿元"),
        of(Target, "value", read=_number("value"), empty=None, example="520", comment=_("可写“不低于1000”“520亿元”")),
        of(Target, "text", _("定性表述"), _("表述")),
        Field(name="period", names=(_("期限"), _("目标期限"), _("时期")), read=period, required=True, example="2026年"),
        of(Target, "deadline_stated"),
        of(Target, "direction", _("方向"), _("怎样算达到"), example="不低于"),
        of(Target, "upper", read=_number("upper"), empty=None),
        of(Target, "compared_with", read=reference("indicators"), codes="indicators", empty=None),
        of(Target, "met_on"),
        of(Target, "path", example="不计进度"),
        Field(name="points", names=(_("月度计划"),), read=nested, empty=[], in_template=False),
        of(Target, "baseline_value", read=_number("baseline_value"), empty=None),
        of(Target, "baseline_on", _("基期日期"), _("基期")),
        of(Target, "rounding"),
        of(Target, "places"),
        of(Target, "is_headline"),
        of(Target, "order", _("排序"), _("序号")),
        source_field(),
        of(Target, "locator"),
        of(Target, "wording"),
        of(Target, "note"),
        of(Target, "reason", _("调整理由"), _("变更理由"), comment=_("调整已有的目标必填")),
        of(Target, "authority", comment=_("调整已有的目标必填，如会议纪要文号")),
        of(Target, "comparator", in_template=False),
        of(Target, "printed", in_template=False),
        of(Target, "is_derived", in_template=False),
    )

    def codes(self) -> dict[str, Codes]:
        return {
            "districts": district_codes(),
            "indicators": indicator_codes(),
            "plans": plan_codes(),
            "nodes": node_codes(),
            "sources": source_codes(),
        }

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        """The newest versions."""
        related = ("district", "indicator", "compared_with", "node__plan", "source")
        found = super().found(keys).filter(pk__in=Target.objects.in_force().order_by().values("pk"))
        return found.select_related(*related).prefetch_related("points")

    def entry_of(self, found: Target) -> Entry:
        own = [one.name for one in self.fields if one.name not in ("plan", "period", "points")]
        return told(found, *own, "version") | {
            "plan": found.node and found.node.plan.code,
            "period": found.period.code,
            "points": [
                {"month": Period.month(one.due_on.year, one.due_on.month).code, "value": plain(one.value)}
                for one in sorted(found.points.all(), key=lambda one: one.due_on)
            ],
        }

    def complete(self, said: Entry, before: Entry) -> Entry:
        """Reason and authority belong to the change that a row makes, print to its value, place to its source.

        A number that is equal keeps its digits: a spreadsheet cannot tell 520 from 520.0.
        """
        entry = {**before, **said} | {name: said.get(name, "") for name in ("reason", "authority")}
        if not before:
            return entry
        for name in _NUMBERS:
            if said.get(name) and before[name] and Decimal(said[name]) == Decimal(before[name]):
                entry[name] = before[name]
        is_exact = said.get("comparator", Comparator.EQUAL) == Comparator.EQUAL
        if is_exact and all(entry[name] == before[name] for name in ("value", "unit")):
            entry |= {name: before[name] for name in ("comparator", "printed")}
        elif any(entry[name] != before[name] for name in ("value", "unit", "comparator")):
            entry |= {"printed": said.get("printed", ""), "is_derived": said.get("is_derived", False)}
        if entry["source"] != before["source"]:
            entry |= {name: said.get(name, "") for name in ("locator", "wording")}
        return entry

    def load(self, folder: Folder, by: User) -> None:
        codes = TargetCodes()

        def put(row: Row) -> None:
            district, code = row.one("district", codes.districts), row.text("code")
            asked, values = row.period("period"), target_values(row, codes)
            newest = self.found([(district.code, code)]).first()
            before = self.entry_of(newest) if newest else {}
            own = {name: row.get(name, "") for name in ("version", "reason", "authority")}
            if newest and all(row.get(name) == before[name] for name in before if name not in own):
                return
            # Not stored: it turns what the row says into the types of the table.
            said = Target(district=district, code=code, **values, **period_columns(asked))
            folder.clean(row, said)
            points = [(part.period("month").end, part.digits("value")) for part in row.parts("points")]
            try:
                set_target(
                    by=by,
                    district=district,
                    code=code,
                    period=asked,
                    columns={name: getattr(said, name) for name in values},
                    points=[(due_on, value) for due_on, value in points if value is not None],
                    version=newest and newest.version,
                    reason=own["reason"],
                    authority=own["authority"],
                )
            except Refused as refused:
                folder.refuse(row, refused)

        folder.each(self.file, self.section, put)

    def whole(self, found: Target) -> list[models.Model]:
        return [*found.points.all(), found]

    def restore(self, entries: Sequence[Entry], by: User, reason: str, job: ImportJob) -> list[str]:
        """The earlier promise comes back as a version of its own: what was said stays said."""
        authority = gettext("撤销导入 %(number)s“%(file)s”") % {"number": job.pk, "file": job.file_name}
        return super().restore(
            [entry | {"reason": reason, "authority": authority[:120]} for entry in entries], by, reason, job
        )


PLANS, STRATEGY, INDICATORS, ASSIGNMENTS, TARGETS = Plans(), Strategy(), Indicators(), Assignments(), Targets()
