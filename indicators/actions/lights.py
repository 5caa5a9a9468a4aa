"""Figures are judged, rules adopted, exemptions granted. A stored judgement never changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext

from indicators.judging import Case, cases, unjudged
from indicators.lights import LightRuleError, evaluate, parse_rule
from indicators.models import (
    Indicator,
    Light,
    LightExemption,
    LightResult,
    LightRule,
    LightRuleUse,
    LightRuleVersion,
    Observation,
    Vintage,
)
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import District, Role, User
from lvyuan.audit.context import action
from lvyuan.ui.words import day_label


@action
def judge(
    *, by: User | None, vintages: Sequence[Vintage], reason: str, at: dt.datetime | None = None
) -> list[LightResult]:
    """Stores how these figures, and those that lean on them, are judged; only where it differs from the last time.

    `at` as in `judging.cases`.
    """
    return store_lights(vintages, at=at)


def store_lights(vintages: Sequence[Vintage], *, at: dt.datetime | None = None) -> list[LightResult]:
    """`judge` for those who are inside an action already; a fixed number of queries, however many figures.

    Two where no rule applies, and at most fifteen.
    """
    found = cases(vintages, at=at)
    if not found:
        return []
    keys = [case.vintage.pk for case in found]
    last = {result.vintage_id: result for result in LightResult.objects.filter(vintage__in=keys).in_force()}
    now = timezone.now()
    results = [_result(case, last.get(case.vintage.pk), now) for case in found]
    return LightResult.objects.bulk_create(result for result in results if result is not None)


def _result(case: Case, last: LightResult | None, now: dt.datetime) -> LightResult | None:
    """The judgement to store; None when it would say what the last one says."""
    if case.rule is None:
        light, sentence = Light.NONE.value, "未评：这一期没有生效的规则"
    else:
        verdict = evaluate(case.rule, case.inputs)
        light, sentence = verdict.light.value, verdict.sentence
    result = LightResult(
        district_id=case.vintage.district_id,
        vintage=case.vintage,
        number=last.number + 1 if last else 1,
        rule_version=case.version,
        target=case.target,
        light=light,
        inputs=case.inputs.as_json(),
        sentence=sentence[: LightResult._meta.get_field("sentence").max_length],
        known_from=case.known_from,
    )
    if last is not None:
        if all(getattr(last, name) == getattr(result, name) for name in _SAYS):
            return None
        # What changed has no date of its own (which rule is used, a base withdrawn): it is known from now.
        if result.known_from <= last.known_from:
            result.known_from = now
    return result


_SAYS = ("rule_version_id", "target_id", "light", "inputs", "sentence")


@action
def judge_latest(
    *, by: User | None, district: District, indicators: Iterable[Indicator], reason: str
) -> list[LightResult]:
    """Judges each indicator's latest figure again, and those without a light yet; for a changed target or rule.

    Earlier figures keep the light they had.
    """
    asked = list(indicators)
    own = Observation.objects.filter(
        district=district, indicator__in=asked, current__isnull=False, period_kind=F("indicator__primary_kind")
    )
    latest = set(own.order_by("indicator_id", "-period_end").distinct("indicator_id").values_list("pk", flat=True))
    latest |= set(
        unjudged().filter(district=district, observation__indicator__in=asked).values_list("observation_id", flat=True)
    )
    # In one order and locked, as approvals do: two judgements of one figure would take the same number.
    keys = list(
        Observation.objects.filter(pk__in=latest).order_by("pk").select_for_update().values_list("pk", flat=True)
    )
    vintages = Vintage.objects.in_force().filter(observation__in=keys).select_related("observation", "district")
    return store_lights(list(vintages), at=timezone.now())


@action
def judge_unjudged(*, by: User | None, reason: str) -> list[LightResult]:
    """Judges every figure in force that has no light though a rule or a target applies; after definitions load."""
    return store_lights(list(unjudged()))


@action
def adopt_rule(
    *,
    by: User,
    rule: LightRule,
    conditions: list[dict[str, Any]],
    otherwise: str,
    valid_from: dt.date,
    reason: str,
    authority: str,
) -> LightRuleVersion:
    """A rule says something else for periods that end on `valid_from` or later; what was judged stays judged.

    Raises NotAllowed for others than admins; Refused without reason and authority, for conditions that cannot be
    judged by, for a rule that says this already, and for a period that was judged by it before.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(gettext("只有管理员可以修改评灯规则，没有改变任何内容。"))
    if not reason.strip() or not authority.strip():
        raise Refused(gettext("修改规则必须写明理由和批准依据，没有改变任何内容。"))
    try:
        parse_rule(conditions, otherwise)
    except LightRuleError as error:
        raise Refused(gettext("%(error)s没有改变任何内容。") % {"error": error}) from error
    locked = LightRule.objects.select_for_update().get(pk=rule.pk)
    last = locked.versions.order_by("-number").first()
    if last and (last.conditions, last.otherwise) == (conditions, otherwise):
        raise Refused(gettext("与现行版本完全相同，没有改变任何内容。"))
    if last and valid_from < last.valid_from:
        raise Refused(
            gettext("上一版自%(valid_from)s起，新版不得更早，没有改变任何内容。")
            % {"valid_from": day_label(last.valid_from)}
        )
    judged = LightResult.objects.filter(rule_version__rule=locked).aggregate(
        last=Max("vintage__observation__period_end")
    )["last"]
    if judged and valid_from <= judged:
        raise Refused(
            gettext("截至%(judged)s的时期已按现行版本评过，新版只能自更晚的时期起，没有改变任何内容。")
            % {"judged": day_label(judged)}
        )
    return LightRuleVersion.objects.create(
        rule=locked,
        number=last.number + 1 if last else 1,
        valid_from=valid_from,
        conditions=conditions,
        otherwise=otherwise,
        reason=reason.strip(),
        authority=authority.strip(),
        adopted_by=by,
    )


@action
def assign_rule(
    *, by: User, district: District, indicator: Indicator, rule: LightRule | None, reason: str
) -> LightRule | None:
    """Has an indicator judged by a rule of its own, or by the default again (None); its latest figure is judged anew.

    Gives the rule it had. Raises NotAllowed for others than admins, Refused without a reason, for a project rule and
    when nothing would change.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(gettext("只有管理员可以指定评灯规则，没有改变任何内容。"))
    if not reason.strip():
        raise Refused(gettext("指定规则必须写明理由，没有改变任何内容。"))
    if rule is not None and rule.default_for == LightRule.Subject.PROJECT:
        raise Refused(gettext("项目规则不能用于指标，没有改变任何内容。"))
    Indicator.objects.select_for_update().get(pk=indicator.pk)
    use = LightRuleUse.objects.filter(indicator=indicator).select_related("rule").first()
    before = use.rule if use else None
    if before == rule:
        raise Refused(
            gettext("%(indicator)s本来就%(rule)s评定，没有改变任何内容。")
            % {
                "indicator": indicator,
                "rule": gettext("按“%(rule)s”") % {"rule": rule} if rule else gettext("按默认规则"),
            }
        )
    if use is not None:
        use.delete()
    if rule is not None:
        LightRuleUse.objects.create(indicator=indicator, rule=rule)
    judge_latest(by=by, district=district, indicators=[indicator], reason=reason)
    return before


@action
def exempt_light(
    *,
    by: User,
    district: District,
    indicator: Indicator,
    valid_from: dt.date,
    valid_to: dt.date | None,
    reason: str,
    authority: str,
) -> LightExemption:
    """An indicator's light does not count between the two days, both included; it is still judged and stored.

    Raises NotAllowed for others than reviewers; Refused without reason, authority or end, with days out of order or
    past, and where an exemption holds on one of those days already.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以批准评灯豁免，没有改变任何内容。"))
    if not reason.strip() or not authority.strip():
        raise Refused(gettext("豁免必须写明理由和批准依据，没有改变任何内容。"))
    if valid_to is None:
        raise Refused(gettext("豁免必须有到期日，没有改变任何内容。"))
    if valid_to < valid_from:
        raise Refused(gettext("止期不得早于起期，没有改变任何内容。"))
    if valid_to < timezone.localdate():
        raise Refused(gettext("到期日已过，没有改变任何内容。"))
    # The indicator stands for its exemptions: two requests at once would not see each other's.
    Indicator.objects.select_for_update().get(pk=indicator.pk)
    mine = LightExemption.objects.filter(district=district, indicator=indicator)
    if other := mine.filter(valid_from__lte=valid_to, valid_to__gte=valid_from).first():
        assert other.valid_to is not None  # expires
        until = gettext("%(valid_from)s至%(valid_to)s") % {
            "valid_from": day_label(other.valid_from),
            "valid_to": day_label(other.valid_to),
        }
        raise Refused(
            gettext("%(indicator)s已有%(until)s的豁免，没有改变任何内容。") % {"indicator": indicator, "until": until}
        )
    return LightExemption.objects.create(
        district=district,
        indicator=indicator,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=reason.strip(),
        authority=authority.strip(),
        approved_by=by,
    )


@action
def end_exemption(*, by: User, exemption: LightExemption, reason: str) -> None:
    """Ends an exemption with today, or takes back one that has not begun.

    Raises NotAllowed for others than reviewers, Refused without a reason or for one that has ended.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以结束评灯豁免，没有改变任何内容。"))
    if not reason.strip():
        raise Refused(gettext("结束豁免必须写明理由，没有改变任何内容。"))
    today = timezone.localdate()
    locked = LightExemption.objects.select_for_update().filter(pk=exemption.pk).first()
    if locked is None or locked.valid_to is None or locked.valid_to <= today:
        raise Refused(gettext("这项豁免已经到期或今天到期，没有改变任何内容。"))
    if locked.valid_from > today:
        locked.delete()
        return
    locked.valid_to = today
    locked.save(update_fields=["valid_to"])
