"""The calendar of the rounds: when a month's round opens, falls due and closes, and which comes next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from indicators.models import Round, RoundSchedule
from indicators.obligations import months_before, owed_each
from lvyuan.accounts.models import Department

MONTHS_AHEAD = 13  # a department that reports once a year is told too


def round_code(month: dt.date) -> str:
    """What a month's round is called in addresses: 2026-11."""
    return f"{month:%Y-%m}"


def scheduled_moments(schedule: RoundSchedule, month: dt.date) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
    """When the round of a month opens (at midnight), falls due and closes, local time."""

    def at(days: int, hour: int) -> dt.datetime:
        return timezone.make_aware(dt.datetime.combine(month + dt.timedelta(days=days), dt.time(hour)))

    return at(schedule.opens_after, 0), at(schedule.due_after, schedule.hour), at(schedule.closes_after, schedule.hour)


@dataclass(frozen=True, slots=True)
class Coming:
    """A round that is not there yet (`round` is not stored), and how many figures it will ask of the department."""

    round: Round
    count: int


def next_round(department: Department, *, now: dt.datetime) -> Coming | None:
    """The next round that will ask the department for something; None where no schedule says so; three queries."""
    schedules = list(RoundSchedule.objects.filter(district=department.district_id))
    known = set(Round.objects.filter(district=department.district_id).values_list("code", flat=True))
    planned = []
    for ahead in range(-1, MONTHS_AHEAD):
        month = months_before(timezone.localdate(now), -ahead)
        schedule = next((one for one in schedules if one.is_in_force(month)), None)
        if schedule is None or round_code(month) in known:
            continue
        opens_at, due_at, closes_at = scheduled_moments(schedule, month)
        if opens_at > now:
            round = Round(district_id=department.district_id, month=month, opens_at=opens_at)
            round.due_at, round.closes_at = due_at, closes_at
            planned.append(round)
    for round, obligations in zip(planned, owed_each(planned, department), strict=True):
        if obligations:
            return Coming(round, len(obligations))
    return None
