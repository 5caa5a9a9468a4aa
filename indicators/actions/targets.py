"""What was promised, as those set and change it who keep the definitions; a change is a new version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from indicators.actions.lights import judge_latest
from indicators.models import Indicator, Target, TargetPoint
from indicators.models.fields import period_columns
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import District, Role, User
from lvyuan.audit.context import action
from lvyuan.numbers import NumberError, get_unit
from lvyuan.periods import Period, PeriodKind

Point = tuple[dt.date, Decimal]  # the last day of a month, and the cumulative level due by then

UNCHANGED = gettext_noop("没有保存任何内容。")
_OWN = {"id", "district", "code", "version", "known_from", "reason", "authority"}
_COLUMNS = tuple(field for field in Target._meta.concrete_fields if field.name not in _OWN)
_LINKS = {field.name for field in Target._meta.concrete_fields if field.is_relation}


@action
def set_target(
    *,
    by: User,
    district: District,
    code: str,
    period: Period,
    columns: Mapping[str, object],
    points: Sequence[Point] = (),
    version: int | None = None,
    reason: str = "",
    authority: str = "",
) -> Target:
    """A new target, or the next version of the one whose newest version the person saw (`version`).

    `columns` are named as on Target; what a new version does not name stays as it was, but for the print of a value
    that changed. `points` are the monthly plan and belong to the path 按月度计划 alone. A fixed number of queries.
    Raises NotAllowed for others than admins; Conflict when somebody set or changed the target meanwhile; Refused
    when the promise contradicts itself, changes nothing, or is changed without reason and authority.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(gettext("只有管理员可以设定和调整目标，%(unchanged)s") % {"unchanged": gettext(UNCHANGED)})
    # Targets of a district change one at a time, so nobody writes over a version that they have not seen.
    District.objects.select_for_update(no_key=True).get(pk=district.pk)
    versions = Target.objects.filter(district=district, code=code).order_by("-version")
    newest = versions.select_related("indicator", "compared_with", "source", "node").first()
    if version is None and newest is not None:
        raise Conflict(
            gettext("已经有代码为“%(code)s”的目标，%(unchanged)s要调整它，请从目标页进入；要新建，请换一个代码。")
            % {"code": code, "unchanged": gettext(UNCHANGED)}
        )
    if version is not None and (newest is None or newest.version != version):
        raise Conflict(
            gettext("这个目标已有新的版本，%(unchanged)s请刷新页面，看过新版本后再改。")
            % {"unchanged": gettext(UNCHANGED)}
        )
    target = Target(
        district=district,
        code=code,
        version=(version or 0) + 1,
        reason=reason.strip() if version else "",
        authority=authority.strip() if version else "",
        **{**(_carried(newest, columns) if newest else {}), **columns, **period_columns(period)},
    )
    _complete(target)
    if newest is not None:
        _check_change(target, newest, points)
    _check_promise(target)
    _check_path(target)
    _check_points(target, points)
    _check_columns(target)
    target.save(force_insert=True)
    TargetPoint.objects.bulk_create(TargetPoint(target=target, due_on=day, value=value) for day, value in points)
    judged = {one.indicator for one in (target, newest) if one and one.indicator}
    judge_latest(by=by, district=district, indicators=judged, reason=reason)
    return target


def _refuse(text: str) -> Refused:
    return Refused(gettext("%(text)s，%(unchanged)s") % {"text": text, "unchanged": gettext(UNCHANGED)})


def _carried(newest: Target, columns: Mapping[str, object]) -> dict[str, object]:
    """The columns of the version before; the print belongs to its value, the place in a source to that source."""
    carried = {field.name: getattr(newest, field.name) for field in _COLUMNS}
    if any(name in columns and columns[name] != carried[name] for name in ("value", "unit", "comparator")):
        carried |= {"printed": "", "is_derived": False}
    if columns.get("source", newest.source) != newest.source:
        carried |= {"locator": "", "wording": ""}
    return carried


def _complete(target: Target) -> None:
    """What follows from the rest: a rate is in percent, words have no number."""
    if target.measure == Target.Measure.GROWTH:
        target.unit = "%" if target.value is not None else ""
    if target.measure == Target.Measure.TEXT:
        target.value, target.unit = None, ""


def _check_change(target: Target, newest: Target, points: Sequence[Point]) -> None:
    if not target.reason or not target.authority:
        raise _refuse(gettext("调整目标须写明理由和批准依据"))
    # As texts, since 17.0 is not 17.
    same = all(str(getattr(target, field.attname)) == str(getattr(newest, field.attname)) for field in _COLUMNS)
    if same and list(points) == list(newest.points.order_by("due_on").values_list("due_on", "value")):
        raise _refuse(gettext("与现行的第%(version)s版没有不同") % {"version": newest.version})


def _check_promise(target: Target) -> None:
    """What is promised, until when, and in which direction."""
    if target.kind == Target.Kind.YEAR and target.period_kind != PeriodKind.YEAR:
        raise _refuse(gettext("年度目标的期限须是一整年，如“2026年”"))
    if target.kind == Target.Kind.THREE_YEARS and target.period_kind != PeriodKind.PLAN:
        raise _refuse(gettext("三年目标的期限须写明起止，如“2023年8月—2025年12月”"))
    is_text = target.measure == Target.Measure.TEXT
    is_relation = target.direction == Target.Direction.RELATION
    if is_text and not target.text.strip():
        raise _refuse(gettext("定性目标须写明表述"))
    if not is_text and not is_relation and target.value is None:
        raise _refuse(gettext("请填写目标值"))
    if target.measure == Target.Measure.GROWTH and target.indicator is None:
        raise _refuse(gettext("增速目标须指明指标"))
    if target.measure == Target.Measure.VALUE and not target.unit:
        raise _refuse(gettext("有数值的目标须写明计量单位"))
    if target.unit:
        try:
            get_unit(target.unit)
        except NumberError as error:
            raise _refuse(f"“{error.text}”{gettext(error.problem)}") from error
    if target.direction == Target.Direction.RANGE:
        _check_range(target)
    elif target.upper is not None:
        raise _refuse(gettext("只有“在区间内”的目标有上限"))
    if is_relation:
        _check_relation(target)
    elif target.compared_with is not None:
        raise _refuse(gettext("只有“不低于另一指标”的目标有比较指标"))
    if target.met_on is not None:
        if target.direction != Target.Direction.BY_DATE:
            raise _refuse(gettext("只有“按期完成”的目标有完成日期"))
        if target.met_on > timezone.localdate():
            raise _refuse(gettext("完成日期不能晚于今天"))


def _check_range(target: Target) -> None:
    if target.measure == Target.Measure.TEXT or target.value is None or target.upper is None:
        raise _refuse(gettext("区间目标须有下限和上限"))
    if target.upper < target.value:
        raise _refuse(gettext("区间目标的上限不能低于下限"))


def _check_relation(target: Target) -> None:
    if target.measure != Target.Measure.GROWTH:
        raise _refuse(gettext("与另一指标比较的目标须是增速目标"))
    if target.compared_with is None:
        raise _refuse(gettext("请指明与哪项指标比较"))
    if target.compared_with == target.indicator:
        raise _refuse(gettext("不能与同一项指标比较"))


def _check_path(target: Target) -> None:
    """Whether the way to the promise can be followed for this promise."""
    if target.baseline_value is not None and target.baseline_on is None:
        raise _refuse(gettext("基期值须写明基期日期"))
    if target.baseline_on is not None and target.baseline_value is None:
        raise _refuse(gettext("有基期日期，须写明基期值"))
    if target.baseline_on is not None and target.baseline_on >= target.period_end:
        raise _refuse(gettext("基期须早于期限"))
    if target.path == Target.Path.NONE:
        return
    name = target.get_path_display()
    if target.measure != Target.Measure.VALUE:
        raise _refuse(gettext("只有总量目标可以“%(name)s”，增速和定性目标不计进度") % {"name": name})
    if target.direction not in (Target.Direction.UP, Target.Direction.DOWN):
        raise _refuse(
            gettext("“%(direction)s”的目标不计进度，进度方法请选“不计进度”")
            % {"direction": target.get_direction_display()}
        )
    if target.indicator is None:
        raise _refuse(gettext("“%(name)s”的目标须指明指标") % {"name": name})
    if target.path == Target.Path.COMPOUND:
        if target.baseline_value is None:
            raise _refuse(gettext("按复合增速的目标须有基期值和基期日期"))
        if target.baseline_value <= 0 or (target.value or 0) <= 0:
            raise _refuse(gettext("基期值和目标值须大于零，才有复合增速"))
    elif target.kind != Target.Kind.YEAR:
        raise _refuse(gettext("“%(name)s”只用于年度目标") % {"name": name})
    elif target.path != Target.Path.PLAN and target.indicator.nature != Indicator.Nature.FLOW:
        raise _refuse(gettext("“%(name)s”只用于逐月累计的时期数指标") % {"name": name})
    definition = target.indicator.version_on(target.period_end)
    if definition is not None and definition.unit and definition.unit != target.unit:
        raise _refuse(gettext("这项指标的计量单位是%(unit)s，目标须用同一单位才能计进度") % {"unit": definition.unit})


def _check_points(target: Target, points: Sequence[Point]) -> None:
    """The monthly plan: months of the target's year in their order, the last at the target itself."""
    if target.path != Target.Path.PLAN:
        if points:
            raise _refuse(gettext("只有“按月度计划”的目标有月度计划"))
        return
    if not points:
        raise _refuse(gettext("按月度计划的目标须填写月度计划"))
    days = [day for day, _ in points]
    if any(day.year != target.period_end.year or day > target.period_end for day in days):
        raise _refuse(gettext("月度计划须在%(year)s年之内") % {"year": target.period_end.year})
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise _refuse(gettext("月度计划须按月份先后，每月一个数"))
    # A cumulative amount does not shrink; a stock may.
    if target.indicator and target.indicator.nature == Indicator.Nature.FLOW:
        for (_, before), (day, value) in pairwise(points):
            if value < before:
                raise _refuse(gettext("月度计划是累计数，%(month)s月不能少于上一个月") % {"month": day.month})
    if days[-1] != target.period_end or points[-1][1] != target.value:
        raise _refuse(gettext("月度计划的最后一个月须是%(month)s月，且等于目标值") % {"month": target.period_end.month})


def _check_columns(target: Target) -> None:
    """Lengths, digits and what the table itself demands, in the words of its constraints."""
    try:
        target.clean_fields(exclude=_LINKS)
        target.validate_constraints()
    except ValidationError as error:
        raise _refuse(gettext("；").join(text.rstrip("。.") for text in error.messages)) from error
