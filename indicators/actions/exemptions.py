"""The approved list of 准强制性 (quasi-mandatory) checks: who may, explained, hand in what a rule otherwise blocks."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext

from indicators.models import CheckExemption, CheckRule, Indicator
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import Department, Role, User
from lvyuan.audit.context import action


@action
def exempt(
    *,
    by: User,
    rule_code: str,
    indicator: Indicator | None,
    department: Department | None,
    valid_from: dt.date,
    valid_to: dt.date | None,
    reason: str,
) -> CheckExemption:
    """Lists an exception, for periods that end between the two days; None means every indicator, every department.

    Raises NotAllowed for others than reviewers; Refused without a reason, for a rule that is not 准强制性, or when the
    days are out of order.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以列入例外名单，没有改变任何内容。"))
    if not reason.strip():
        raise Refused(gettext("列入例外名单必须写明理由，没有改变任何内容。"))
    if valid_to is not None and valid_to < valid_from:
        raise Refused(gettext("止期不得早于起期，没有改变任何内容。"))
    if not CheckRule.objects.quasi().filter(code=rule_code).exists():
        raise Refused(gettext("只有准强制性核查才有例外名单，没有改变任何内容。"))
    return CheckExemption.objects.create(
        rule_code=rule_code,
        indicator=indicator,
        department=department,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=reason.strip(),
        approved_by=by,
    )
