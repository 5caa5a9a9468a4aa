"""The portfolio: 52, 47 and 90.4 % come from list membership and starts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from projects import calculations as c
from projects.models import KeyProject, ListMembership, ProjectList, StageEvent
from projects.rows import portfolio
from tests.conftest import HOME

AUGUST_4 = dt.date(2023, 8, 4)


@pytest.mark.django_db
def test_rate_is_computed_from_the_list_beside_the_reported_one(cast):
    found = portfolio(as_of=AUGUST_4, user=cast.leader, district=HOME)
    assert (found.total.text, found.started.text, found.rate.text) == ("52", "47", "90.4%")
    assert (found.reported_total.text, found.reported_started.text, found.reported_rate.text) == (
        "52个",
        "47个",
        "90.4%",
    )
    assert found.comparison.text == "15个百分点"
    assert "提高15个百分点" in found.comparison_wording
    assert found.baseline.text == "75.4%"
    assert found.baseline.is_derived
    assert found.possible is None
    assert found.unspecified
    assert found.rate.key == "portfolio/220106/key-2023@2023-08-04/start_rate"


@pytest.mark.django_db
def test_default_day_is_the_reported_one(cast):
    assert portfolio(user=cast.leader, district=HOME).as_of == AUGUST_4


@pytest.mark.django_db
def test_before_the_report_starts_are_only_possible(cast):
    found = portfolio(as_of=dt.date(2023, 7, 1), user=cast.leader, district=HOME)
    assert found.started.text == "0"
    assert found.possible.text == "0–47"
    assert found.rate is None
    assert found.reported_rate is None
    assert found.baseline is None


@pytest.mark.django_db
def test_list_was_unknown_before_it_was_published(cast):
    then = timezone.make_aware(dt.datetime(2023, 7, 15))
    found = portfolio(known_at=then, user=cast.leader, district=HOME)
    assert not found.known
    assert found.total is None


@pytest.mark.django_db
def test_list_is_known_since_it_was_published(cast):
    then = timezone.make_aware(dt.datetime(2023, 8, 5))
    found = portfolio(known_at=then, user=cast.leader, district=HOME)
    assert (found.total.text, found.started.text, found.rate.text) == ("52", "47", "90.4%")


@pytest.mark.django_db
def test_member_added_later_was_unknown_then(cast):
    named = KeyProject.objects.filter(memberships__isnull=True).first()
    ListMembership.objects.create(list=ProjectList.objects.get(code="key-2023"), project=named, number=53)
    then = timezone.make_aware(dt.datetime(2023, 8, 5))
    assert portfolio(known_at=then, user=cast.leader, district=HOME).total.text == "52"
    assert portfolio(user=cast.leader, district=HOME).total.text == "53"


@pytest.mark.django_db
def test_project_is_listed_once_on_any_day(cast):
    member = ListMembership.objects.get(number=1)
    with pytest.raises(IntegrityError, match="listmembership_one_at_a_time"), transaction.atomic():
        ListMembership.objects.create(list=member.list, project=member.project, number=99, valid_to=AUGUST_4)


@pytest.mark.django_db
def test_printed_comparison_belongs_to_its_day(cast):
    later = portfolio(as_of=dt.date(2024, 3, 1), user=cast.leader, district=HOME)
    assert later.comparison is None
    assert later.baseline is None
    assert later.reported_rate.text == "90.4%"
    assert later.reported_period.code == "2023-08-04.instant"


@pytest.mark.django_db
def test_members_only_count(cast):
    named = KeyProject.objects.filter(memberships__isnull=True).first()
    StageEvent.objects.create(project=named, stage="started", happened_on=AUGUST_4, evidence_kind="permit")
    assert portfolio(as_of=AUGUST_4, user=cast.leader, district=HOME).started.text == "47"


@pytest.mark.django_db
def test_a_dated_start_counts_from_its_day(cast):
    waiting = next(r for r in portfolio(user=cast.leader, district=HOME).projects if r.state == "not_started")
    StageEvent.objects.create(
        project=waiting.project, stage="started", happened_on=dt.date(2023, 9, 1), evidence_kind="permit"
    )
    assert portfolio(as_of=dt.date(2023, 8, 31), user=cast.leader, district=HOME).started.text == "47"
    later = portfolio(as_of=dt.date(2023, 9, 1), user=cast.leader, district=HOME)
    assert (later.started.text, later.rate.text) == ("48", "92.3%")  # 48 / 52 = 92.307…


def test_start_state_decides_by_the_day():
    known, bound = (dt.date(2023, 5, 1), None), (None, AUGUST_4)
    assert c.start_state([known], as_of=dt.date(2023, 5, 1)) == "started"
    assert c.start_state([known], as_of=dt.date(2023, 4, 30)) == "not_started"
    assert c.start_state([bound], as_of=AUGUST_4) == "started"
    assert c.start_state([bound], as_of=dt.date(2023, 8, 3)) == "possible"
    assert c.start_state([bound, known], as_of=dt.date(2023, 6, 1)) == "started"
    assert c.start_state([], as_of=AUGUST_4) == "not_started"
    assert c.start_state([(None, None)], as_of=AUGUST_4) == "not_started"  # only planned


def test_start_rate_unknown_while_starts_are_only_possible():
    assert c.start_rate_percent(0, 47, 52) is None
    assert c.start_rate_percent(0, 0, 0) is None
    assert c.start_rate_percent(33, 0, 50) == D(66)
