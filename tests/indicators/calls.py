"""Rounds and forms for tests, placed around the present moment."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from indicators import actions
from indicators.actions import add_forms
from indicators.models import Indicator, Round, Submission
from indicators.obligations import owed, owing_departments
from lvyuan.accounts.models import Department, District, User
from tests.conftest import HOME

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)


def local(text: str) -> dt.datetime:
    """Shanghai's clock: 2026-12-01 00:00."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def call(month: str, *, opened: float = 10, due: float = 2, closes: float = 10, **given: object) -> Round:
    """A regular round with its forms, opened so many days ago, due and closing in so many."""
    now, year_month = timezone.now(), dt.date.fromisoformat(f"{month}-28")
    round = Round.objects.create(
        **{
            "district": District.objects.get(code=HOME),
            "code": month,
            "month": (year_month + 4 * DAY).replace(day=1) - DAY,
            "opens_at": now - opened * DAY,
            "due_at": now + due * DAY,
            "closes_at": now + closes * DAY,
        }
        | given
    )
    add_forms(round, owing_departments(round))
    return round


def form(round: Round, department: str) -> Submission:
    return Submission.objects.select_related("round", "department").get(round=round, department__code=department)


def written(round: Round, by: User, value: str = "254.1", *, code: str | None = None, **columns: object) -> Submission:
    """One figure of what the person's department owes, the first unless a code says which, saved on its form."""
    department = Department.objects.get(pk=by.department_id)
    indicator = Indicator.objects.get(code=code) if code else owed(round, department)[0].indicator
    (one,) = owed(round, department, codes=[indicator.code])
    base = {"value": Decimal(value), "unit": one.unit or "亿元", "growth": Decimal("16.2"), "growth_basis": "unstated"}
    draft = actions.Draft(
        indicator=indicator, district=one.district, period=one.period, columns=base | {"note": ""} | columns
    )
    version = form(round, department.code).row_version
    return actions.save_entries(by=by, round=round, department=department, drafts=[draft], row_version=version)


def handed_in(round: Round, by: User, **columns: object) -> Submission:
    return actions.submit(by=by, submission=written(round, by, **columns))


def send_back(by: User, submission: Submission, reason: str, cells: object = ()) -> Submission:
    version = Submission.objects.get(pk=submission.pk).row_version
    return actions.return_submission(by=by, submission=submission, row_version=version, reason=reason, cells=cells)


def approve(by: User, submission: Submission) -> None:
    version = Submission.objects.get(pk=submission.pk).row_version
    actions.approve(by=by, submission=submission, row_version=version)


def excuse(by: User, submission: Submission, reason: str = "机构改革，本期免报") -> Submission:
    version = Submission.objects.get(pk=submission.pk).row_version
    return actions.excuse(by=by, submission=submission, row_version=version, reason=reason)
