"""发布: who, what and when; and that a published figure stays as it is."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.locks import locks
from indicators.models import Release, Submission, Vintage
from indicators.obligations import owed
from indicators.refusals import Conflict, NotAllowed, Refused
from tests.conftest import HOME
from tests.indicators.factories import figure, month_end

pytestmark = pytest.mark.django_db
AUTHORITY = "统计局2024年4月新闻发布会"


@pytest.fixture
def form(cast) -> Submission:
    (submission,) = month_end(1, each=2)
    actions.approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    submission.refresh_from_db()
    return submission


@pytest.fixture
def approved(form) -> list[Vintage]:
    return list(Vintage.objects.filter(entry__submission=form).order_by("observation__indicator__order"))


def release(by, vintages, *, authority=AUTHORITY, released_at=None):
    return actions.release(by=by, vintages=vintages, authority=authority, released_at=released_at or timezone.now())


def test_released_figure_says_when_on_whose_authority_and_by_whom(cast, approved):
    at = timezone.now()
    assert release(cast.reviewer, approved, released_at=at) == 2
    rows = set(Release.objects.filter(vintage__in=approved).values_list("vintage", "released_at", "authority", "by"))
    assert rows == {(one.pk, at, AUTHORITY, cast.reviewer.pk) for one in approved}


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_only_reviewers_release(cast, approved, who):
    with pytest.raises(NotAllowed, match="只有审核员"):
        release(getattr(cast, who), approved)
    assert not Release.objects.filter(vintage__in=approved).exists()


def test_release_asks_for_authority_and_figures_and_a_moment_that_can_be(cast, approved):
    with pytest.raises(Refused, match="发布依据"):
        release(cast.reviewer, approved, authority="  ")
    with pytest.raises(Refused, match="勾选"):
        release(cast.reviewer, [])
    with pytest.raises(Refused, match="不能晚于现在"):
        release(cast.reviewer, approved, released_at=timezone.now() + dt.timedelta(minutes=1))
    with pytest.raises(Refused, match="审核通过的时间晚于发布时间"):
        release(cast.reviewer, approved, released_at=approved[0].known_from - dt.timedelta(seconds=1))
    assert not Release.objects.filter(vintage__in=approved).exists()


def test_release_is_all_or_nothing(cast, approved):
    first, second = approved
    release(cast.reviewer, [first])
    with pytest.raises(Conflict, match="没有发布任何内容"):
        release(cast.reviewer, [first, second])
    assert list(Release.objects.filter(vintage__in=approved).values_list("vintage", flat=True)) == [first.pk]


def test_replaced_figure_is_not_released(cast, approved):
    first = approved[0]
    figure(first.observation.indicator.code, "2024-03.ytd", "111.0", unit="亿元", reason="更正")
    with pytest.raises(Conflict, match="已有更新"):
        release(cast.reviewer, [first])


def test_release_is_never_taken_back(cast, approved):
    release(cast.reviewer, approved)
    for statement in ("UPDATE indicators_release SET authority = 'x'", "DELETE FROM indicators_release"):
        with pytest.raises(IntegrityError, match="只能新增"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_released_figure_is_locked_until_an_exception_and_then_again(cast, form, approved):
    first = approved[0]
    release(cast.reviewer, [first])
    actions.reopen(by=cast.reviewer, submission=form, row_version=form.row_version, reason="统计局更正")
    form.refresh_from_db()
    department, round = form.department, form.round

    def codes(now=None):
        held = locks(round, department, form, owed(round, department), now=now)
        return sorted(lock.code for lock in held.lines.values())

    assert codes() == ["published"]
    expires_at = timezone.now() + dt.timedelta(hours=2)
    actions.grant_exception(
        by=cast.reviewer,
        lock="published",
        round=round,
        department=department,
        indicator=first.observation.indicator,
        reason="核定数更正",
        expires_at=expires_at,
    )
    assert codes() == []
    assert codes(now=expires_at) == ["published"]


def test_locked_line_is_left_as_it_was(cast, form, approved):
    first = approved[0]
    release(cast.reviewer, [first])
    actions.reopen(by=cast.reviewer, submission=form, row_version=form.row_version, reason="统计局更正")
    drafts = [
        actions.Draft(
            indicator=entry.indicator,
            district=entry.district,
            period=entry.period,
            columns={"value": D("120.0"), "unit": "亿元", "growth": D("10.0"), "reason": "更正"},
        )
        for entry in form.entries.all()
    ]
    form.refresh_from_db()
    by = form.submitted_by
    actions.save_entries(by=by, round=form.round, department=by.department, drafts=drafts, row_version=form.row_version)
    values = dict(form.entries.values_list("indicator", "value"))
    assert values == {first.observation.indicator_id: D("110.0"), approved[1].observation.indicator_id: D("120.0")}


# Pages


def test_page_lists_internal_figures_by_period_and_releases_the_ticked(signed_in, approved):
    client = signed_in("reviewer")
    page = client.get("/releases/").content.decode()
    assert "2024年一季度" in page
    assert all(f'value="{one.pk}"' in page for one in approved)
    first, second = approved
    response = client.post("/releases/new/", {"vintage": [first.pk], "authority": AUTHORITY, "released_at": ""})
    assert (response.status_code, response["Location"]) == (302, "/releases/")
    page = client.get("/releases/").content.decode()
    assert "已发布1项数据" in page
    assert f'value="{first.pk}"' not in page
    assert f'value="{second.pk}"' in page
    done = client.get("/releases/?show=released").content.decode()
    assert AUTHORITY in done
    assert first.observation.indicator.name in done


def test_refused_release_keeps_what_was_typed_and_ticked(signed_in, approved):
    client, (first, _) = signed_in("reviewer"), approved
    empty = client.post("/releases/new/", {"vintage": [first.pk], "authority": "", "released_at": "2024-04-18T09:30"})
    assert empty.status_code == 422
    early = client.post(
        "/releases/new/", {"vintage": [first.pk], "authority": AUTHORITY, "released_at": "2024-04-18T09:30"}
    )
    assert early.status_code == 409
    for response in (empty, early):
        page = response.content.decode()
        assert "2024-04-18T09:30" in page
        ticked = [line for line in page.split("<input") if 'name="vintage"' in line and "checked" in line]
        assert len(ticked) == 1
        assert f'value="{first.pk}"' in ticked[0]
    assert AUTHORITY in early.content.decode()
    nothing = client.post("/releases/new/", {"authority": AUTHORITY})
    assert nothing.status_code == 409
    assert "请先勾选" in nothing.content.decode()
    forged = client.post("/releases/new/", {"authority": AUTHORITY, "vintage": ["x", "99999999999999999999999"]})
    assert forged.status_code == 409


def test_auditor_reads_releases_and_ticks_nothing(signed_in, approved):
    page = signed_in("auditor").get("/releases/").content.decode()
    assert approved[0].observation.indicator.name in page
    assert 'type="checkbox"' not in page
    assert signed_in("auditor").post("/releases/new/", {"vintage": [approved[0].pk]}).status_code == 403


def test_provenance_tells_the_release(cast, signed_in, approved):
    at = timezone.make_aware(dt.datetime(2024, 4, 18, 9, 30))
    first = figure("industrial_output", "2024-03.ytd", "110.0", unit="亿元", known_from=at - dt.timedelta(days=1))
    client, address = signed_in("leader"), f"/figures/industrial_output/{HOME}/2024-03.ytd/"
    assert "内部" in client.get(address).content.decode()
    release(cast.reviewer, [first], released_at=at)
    page = client.get(address).content.decode()
    for said in ("已发布", "2024年4月18日 09:30", AUTHORITY, "T-Reviewer"):
        assert said in page, said


def test_correction_of_a_released_figure_is_internal_again(cast, signed_in, form, approved):
    first = approved[0]
    release(cast.reviewer, [first])
    figure(first.observation.indicator.code, "2024-03.ytd", "111.0", unit="亿元", reason="更正")
    page = signed_in("reviewer").get("/releases/").content.decode()
    assert "111.0亿元" in page
    assert "旧数发布于" in page


def test_release_page_takes_the_same_queries_for_few_and_many(cast, signed_in):
    client = signed_in("reviewer")

    def count() -> int:
        for form in Submission.objects.filter(state="submitted"):
            actions.approve(by=cast.reviewer, submission=form, row_version=form.row_version)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/releases/").status_code == 200
        return len(queries)

    month_end(1, each=1)
    count()
    few = count()
    month_end(5, each=6)
    assert count() == few <= 8
