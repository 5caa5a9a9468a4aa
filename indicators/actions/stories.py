"""What people say beside the figures: events, remarks, and reasons why two growth rates differ."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from indicators.models import Annotation, Assignment, GrowthReason, Indicator, Observation, Remark, Vintage
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import District, Role, User
from lvyuan.audit.context import action

ANNOTATORS = (Role.REVIEWER, Role.ADMIN)
REMARKERS = (Role.REVIEWER, Role.LEADER, Role.ADMIN)
EXPLAINERS = (Role.REVIEWER,)


@action
def annotate(
    *,
    by: User,
    district: District,
    indicator: Indicator | None,
    happened_on: dt.date,
    title: str,
    source: str,
    text: str = "",
) -> Annotation:
    """Marks an event on the time axis of one indicator; None means of all.

    Raises NotAllowed for others than reviewers and admins; Refused without title or source, or before it happened.
    """
    if not by.has_role(*ANNOTATORS):
        raise NotAllowed(gettext("只有审核员和管理员可以记大事记，没有保存任何内容。"))
    if not title.strip() or not source.strip():
        raise Refused(gettext("大事记须有标题和来源，没有保存任何内容。"))
    if happened_on > timezone.localdate():
        raise Refused(gettext("大事记只记已经发生的事，没有保存任何内容。"))
    return Annotation.objects.create(
        district=district,
        indicator=indicator,
        happened_on=happened_on,
        title=title.strip(),
        text=text.strip(),
        source=source.strip(),
        written_by=by,
    )


@action
def withdraw_annotation(*, by: User, annotation: Annotation) -> None:
    """Takes an event off the axis; the history keeps it. Raises NotAllowed, Conflict when it is gone already."""
    if not by.has_role(*ANNOTATORS):
        raise NotAllowed(gettext("只有审核员和管理员可以撤下大事记，没有改变任何内容。"))
    deleted, _ = Annotation.objects.filter(pk=annotation.pk).delete()
    if not deleted:
        raise Conflict(gettext("这条大事记已经撤下，没有改变任何内容。"))


def may_remark(user: User, indicator: Indicator, district: str) -> bool:
    """Reviewers, leaders, admins, and staff of the department that owns or reports the indicator; auditors read.

    `district` is a code. One query, for staff of another department than the owner.
    """
    if user.has_role(*REMARKERS):
        return True
    if not user.has_role(Role.STAFF):
        return False
    if indicator.owner_id == user.department_id:
        return True
    reporting = Assignment.objects.in_force(timezone.localdate())
    return reporting.filter(indicator=indicator, district__code=district, department=user.department_id).exists()


@action
def remark(*, by: User, indicator: Indicator, district: District, vintage: Vintage | None, text: str) -> Remark:
    """Says something about an indicator, bound to the vintage that was on the page; None where nothing was shown.

    Raises NotAllowed for auditors and for staff whose department neither owns nor reports the indicator; Refused
    when nothing is said or the vintage is of another indicator or district.
    """
    if not may_remark(by, indicator, district.code):
        raise NotAllowed(gettext("只有这项指标的责任单位、审核员、领导和管理员可以参加讨论，没有保存任何内容。"))
    if not text.strip():
        raise Refused(gettext("请写下内容，没有保存任何内容。"))
    # Asked anew: what the caller holds may have come from a form.
    shown = Q(observation__indicator=indicator, observation__district=district)
    if vintage is not None and not Vintage.objects.filter(shown, pk=vintage.pk).exists():
        raise Refused(gettext("所指的数据不是这项指标的，没有保存任何内容。请刷新页面后重写。"))
    return Remark.objects.create(
        district=district, indicator=indicator, vintage=vintage, text=text.strip(), written_by=by
    )


@action
def explain_growth(
    *, by: User, vintage: Vintage, kind: str, effect: Decimal, source: str, note: str = ""
) -> GrowthReason:
    """Adds one reason, in signed points, to the bridge from the computed growth to the published one.

    Raises NotAllowed for others than reviewers; Refused without effect or source, or where there is no growth beside
    a level; Conflict when that kind of reason is told already.
    """
    if not by.has_role(*EXPLAINERS):
        raise NotAllowed(gettext("只有审核员可以写增速差异的原因，没有保存任何内容。"))
    if kind not in GrowthReason.Kind.values:
        raise Refused(gettext("请从名单中选择原因，没有保存任何内容。"))
    if not effect:
        raise Refused(gettext("影响为零的不是原因，没有保存任何内容。"))
    if not source.strip():
        raise Refused(gettext("差异原因须有来源，没有保存任何内容。"))
    if vintage.growth is None or vintage.value is None:
        raise Refused(gettext("这一版没有总量或没有公布增速，没有差异可以说明，没有保存任何内容。"))
    # Vintages are never updated, so nobody may lock them: the observation stands for them.
    Observation.objects.select_for_update(no_key=True).get(pk=vintage.observation_id)
    told = GrowthReason(kind=kind).get_kind_display()
    if GrowthReason.objects.filter(vintage=vintage, kind=kind).exists():
        raise Conflict(gettext("“%(told)s”已经写过，没有保存任何内容。要改它，请先删除已有的一条。") % {"told": told})
    return GrowthReason.objects.create(
        vintage=vintage, kind=kind, effect=effect, note=note.strip(), source=source.strip(), written_by=by
    )


@action
def drop_reason(*, by: User, growth_reason: GrowthReason) -> None:
    """Takes a reason out of the bridge; the history keeps it. Raises NotAllowed, Conflict when it is gone already."""
    if not by.has_role(*EXPLAINERS):
        raise NotAllowed(gettext("只有审核员可以删除增速差异的原因，没有改变任何内容。"))
    deleted, _ = GrowthReason.objects.filter(pk=growth_reason.pk).delete()
    if not deleted:
        raise Conflict(gettext("这条原因已经删除，没有改变任何内容。"))
