"""The import of targets. One that a file changes gets a new version, by the action that its page uses."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.actions import set_target
from indicators.imports.definitions.shared import (
    Sourced,
    indicator_codes,
    node_codes,
    node_field,
    plan_codes,
    plan_field,
    source_codes,
    source_field,
    told,
    unit,
)
from indicators.loading import (
    TargetCodes,
    target_values,
)
from indicators.models import (
    Comparator,
    Target,
)
from indicators.models.fields import period_columns
from indicators.refusals import Refused
from indicators.written import figure_in_unit, storable
from lvyuan.accounts.imports import CODE, district_codes, district_field, home_district
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
    nested,
    of,
    period,
    reference,
)
from lvyuan.numbers import NumberError, plain
from lvyuan.periods import Period


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


_MONTHS = {f"month_{number}": number for number in range(1, 13)}


def _month(name: str, number: int) -> Field:
    """A month of the plan: the cumulative level due by its end."""
    names = (_("%(month)s月计划") % {"month": number}, f"{number}月")
    return Field(
        name=name, names=names, read=_number(name), empty=None, comment=_("按月度计划的目标：年初至本月的累计数")
    )


_NUMBERS = ("value", "upper", "baseline_value")


def _with_months(entry: Entry, months: Entry) -> list[Entry]:
    """The monthly plan with what a row says of some months, in the year of the target's deadline."""
    year = Period.from_code(entry["period"]).year_no
    points = {one["month"]: one["value"] for one in entry.get("points") or []}
    for name, value in months.items():
        month = Period.month(year, _MONTHS[name]).code
        if value is None:
            points.pop(month, None)
        elif month not in points or Decimal(points[month]) != Decimal(value):
            points[month] = value
    return [{"month": month, "value": points[month]} for month in sorted(points)]


class Targets(Sourced):
    """Targets, whose change is a new version. Everything is decided by the action."""

    code, label = "targets", _("目标")
    about = _("目标值、期限和出处。")
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
        *(_month(name, number) for name, number in _MONTHS.items()),
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
        own = [one.name for one in self.fields if one.name not in ("plan", "period", "points", *_MONTHS)]
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
        months = {name: said[name] for name in _MONTHS if name in said}
        entry = {**before, **{name: value for name, value in said.items() if name not in months}}
        entry |= {name: said.get(name, "") for name in ("reason", "authority")}
        if months:
            entry["points"] = _with_months(entry, months)
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
