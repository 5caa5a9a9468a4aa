"""Figures for tests, written through the same action as the article's; they live in the test database only."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from indicators.actions import RankInput, VintageInput, record_published
from indicators.models import (
    Assignment,
    Entry,
    Indicator,
    IndicatorVersion,
    Observation,
    RankPool,
    Round,
    Source,
    StagedFigure,
    Submission,
    Target,
    Vintage,
)
from indicators.models.fields import period_columns
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.imports.models import ImportJob
from lvyuan.periods import Period

HOME = "220106"


def figure(
    code: str,
    period: str,
    value: str | None = None,
    *,
    growth: str | None = None,
    rank: int | None = None,
    unit: str = "",
    known_from: dt.datetime | None = None,
    reason: str = "",
    at: str = HOME,
    source: str = "form",
    **columns: object,
) -> Vintage:
    """Records one figure of a district (`at`) from a source of that kind, and gives its vintage."""
    indicator, district = Indicator.objects.get(code=code), District.objects.get(code=at)
    code_of, titled = "test" if source == "form" else f"test-{source}", {"kind": source, "title": "测试填报"}
    pool = RankPool.objects.get(code="five-urban-districts")
    asked = Period.from_code(period)
    said = {"value": Decimal(value) if value else None, "growth": Decimal(growth) if growth else None, "unit": unit}
    record_published(
        by=None,
        reason=reason,
        figures=[
            VintageInput(
                district=district,
                indicator=indicator,
                period=asked,
                source=Source.objects.get_or_create(code=code_of, defaults=titled)[0],
                known_from=known_from or timezone.now(),
                columns=said | columns,
                ranks=[RankInput(pool=pool, by="growth", place=rank, pool_size=5)] if rank else (),
                reason=reason,
            )
        ],
    )
    observation = Observation.objects.for_period(asked).get(indicator=indicator, district=district)
    return observation.vintages.order_by("-number").first()


def target(code: str, *, indicator: str, period: str, value: str, **columns: object) -> Target:
    asked = Period.from_code(period)
    return Target.objects.create(
        district=District.objects.get(code=HOME),
        code=code,
        name=code,
        indicator=Indicator.objects.get(code=indicator),
        period_kind=asked.kind.value,
        period_end=asked.end,
        value=Decimal(value),
        source=Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0],
        **columns,
    )


def many_indicators(count: int, *, like: str = "industrial_output", prefix: str = "extra") -> list[Indicator]:
    """`count` more indicators with a definition, alike but for code and name."""
    template = Indicator.objects.get(code=like)
    made = Indicator.objects.bulk_create(
        Indicator(
            code=f"{prefix}-{number}",
            name=f"附加指标 {prefix}-{number}",
            category=template.category,
            nature=template.nature,
            calendar=template.calendar,
            primary_kind=template.primary_kind,
            owner=template.owner,
            is_headline=number % 2 == 0,
            order=1000 + number,
        )
        for number in range(count)
    )
    IndicatorVersion.objects.bulk_create(
        IndicatorVersion(indicator=indicator, valid_from=dt.date(2020, 1, 1), unit="亿元") for indicator in made
    )
    return made


def imported() -> QuerySet[Submission]:
    """The submissions that came from files; the forms of the article's round are there besides."""
    return Submission.objects.filter(import_job__isnull=False)


def month_end(count: int, *, each: int, month: dt.date = dt.date(2024, 3, 31)) -> list[Submission]:
    """Forms that `count` new departments handed in for a month, `each` figures apiece; no check finds anything.

    The figures of the month before and of a year ago are approved.
    """
    district, now = District.objects.get(code=HOME), timezone.now()
    made = f"{Department.objects.count()}"
    departments = Department.objects.bulk_create(
        Department(code=f"m{made}-{n}", name=f"第{n}局", short_name=f"第{n}局", district=district, order=100 + n)
        for n in range(count)
    )
    people = User.objects.bulk_create(
        User(username=f"m{made}-{n}", role=Role.STAFF, department=department)
        for n, department in enumerate(departments)
    )
    indicators = many_indicators(count * each, prefix=f"m{made}")
    owners = [department for department in departments for _ in range(each)]
    Assignment.objects.bulk_create(
        Assignment(district=district, indicator=indicator, department=department, valid_from=dt.date(2020, 1, 1))
        for indicator, department in zip(indicators, owners, strict=True)
    )
    source = Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0]
    record_published(
        by=None,
        reason="测试",
        figures=[
            VintageInput(
                district=district,
                indicator=indicator,
                period=period,
                source=source,
                known_from=now,
                columns={"value": Decimal(value), "unit": "亿元"},
            )
            for indicator in indicators
            for period, value in ((Period.ytd(2024, 2), "71.3"), (Period.ytd(2023, 3), "100.0"))
        ],
    )
    round, _ = Round.objects.get_or_create(
        district=district,
        code=f"{month:%Y-%m}",
        defaults={"month": month, "opens_at": now - dt.timedelta(9), "due_at": now + dt.timedelta(1)},
    )
    forms = Submission.objects.bulk_create(
        Submission(
            round=round,
            department=person.department,
            state=Submission.State.SUBMITTED,
            row_version=2,
            submitted_by=person,
            submitted_at=now,
        )
        for person in people
    )
    Entry.objects.bulk_create(
        Entry(
            submission=forms[number // each],
            district=district,
            indicator=indicator,
            period_kind="ytd",
            period_end=month,
            value=Decimal("110.0"),
            unit="亿元",
            growth=Decimal("10.0"),
            growth_basis="unstated",
            edited_by=people[number // each],
            edited_at=now,
        )
        for number, indicator in enumerate(indicators)
    )
    return forms


def staged_job(
    by: User, figures: Iterable[tuple[str, str, str | None, str | None]], *, name: str = "七月.csv", at: str = HOME
) -> ImportJob:
    """A previewed import whose staged figures say (indicator's code, period's code, value, growth)."""
    job = ImportJob.objects.create(
        kind="observations",
        file_name=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        size=1,
        created_by=by,
        state=ImportJob.State.PREVIEWED,
    )
    district, indicators = District.objects.get(code=at), dict(Indicator.objects.values_list("code", "pk"))
    StagedFigure.objects.bulk_create(
        StagedFigure(
            job=job,
            seq=seq,
            line=seq + 1,
            status="new",
            district=district,
            indicator_id=indicators[code],
            **period_columns(Period.from_code(period)),
            value=Decimal(value) if value else None,
            unit="亿元" if value else "",
            growth=Decimal(growth) if growth else None,
            growth_basis="unstated" if growth else "",
            locator=f"第{seq + 1}行",
        )
        for seq, (code, period, value, growth) in enumerate(figures, 1)
    )
    return job
