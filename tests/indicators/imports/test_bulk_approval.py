"""Approval and direct publication by statements: the rules hold in sets, and a thousand cost no more than one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.actions import recording
from indicators.lengthy import PAGE, WHOLE
from indicators.models import (
    Indicator,
    LightResult,
    Observation,
    PrintedComparison,
    Rank,
    RankPool,
    Source,
    StagedFigure,
    Submission,
    Vintage,
)
from indicators.refusals import Refused
from lvyuan.accounts.models import District
from lvyuan.audit.models import Event
from lvyuan.imports.models import ImportJob, ImportProblem
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators, month_end, staged_job, target

pytestmark = pytest.mark.django_db
CODE, PERIOD = "industrial_output", "2023-07.ytd"


def submitted(cast, job: ImportJob) -> Submission:
    submission = actions.submit_staged(by=cast.admin, job=job)
    return Submission.objects.get(pk=submission.pk)


def approve(cast, submission: Submission) -> list[Vintage]:
    made = actions.approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    return list(made.order_by("pk"))


def events(model: type) -> dict[str, int]:
    found = Event.objects.filter(model=model._meta.label_lower).order_by().values_list("operation", flat=True)
    return {operation: list(found).count(operation) for operation in set(found)}


def test_every_approved_figure_has_its_event_and_no_observation_is_written_twice(cast):
    made = many_indicators(30)
    before = {model: events(model) for model in (Vintage, Observation)}
    approve(cast, submitted(cast, staged_job(cast.admin, [(one.code, PERIOD, "1.50", None) for one in made])))
    after = {model: events(model) for model in (Vintage, Observation)}
    assert after[Vintage]["insert"] - before[Vintage]["insert"] == 30
    assert after[Observation]["insert"] - before[Observation]["insert"] == 30
    assert after[Observation].get("update", 0) == before[Observation].get("update", 0)
    values = Vintage.objects.filter(observation__indicator__in=made).values_list("value", flat=True)
    assert {str(value) for value in values} == {"1.50"}


def test_one_transaction_knows_all_its_figures_from_the_same_moment(cast):
    made = approve(
        cast, submitted(cast, staged_job(cast.admin, [(i.code, PERIOD, "1", None) for i in many_indicators(9)]))
    )
    assert len({vintage.known_from for vintage in made}) == 1
    assert {(v.number, v.reason, v.entered_by_id, v.approved_by_id) for v in made} == {
        (1, "", cast.admin.pk, cast.reviewer.pk)
    }


def test_correction_keeps_ranks_and_comparisons_of_what_did_not_change(cast):
    """The growth stays 16.2: its rank and its excess stand; the level changes: the level's rank falls."""
    before = figure(CODE, PERIOD, "250.0", growth="16.2", unit="亿元")
    pool = RankPool.objects.get(code="five-urban-districts")
    Rank.objects.bulk_create(
        [
            Rank(vintage=before, pool=pool, by="growth", place=1, pool_size=5, wording="领跑"),
            Rank(vintage=before, pool=pool, by="level", place=3, pool_size=5),
        ]
    )
    PrintedComparison.objects.create(
        vintage=before, kind="over_expectation", delta=D("17.1"), wording="超出预期17.1个百分点"
    )
    PrintedComparison.objects.create(vintage=before, kind="over_three_years", delta=D("15"))
    (made,) = approve(cast, submitted(cast, staged_job(cast.admin, [(CODE, PERIOD, "254.1", "16.2")])))
    assert (made.number, made.reason) == (2, "导入 七月.csv审核通过后更新")
    assert list(made.ranks.values_list("by", "place", "wording")) == [("growth", 1, "领跑")]
    assert list(made.comparisons.values_list("kind", "delta")) == [("over_expectation", D("17.1"))]
    assert Observation.objects.get(pk=before.observation_id).current == made


def test_own_rank_goes_before_the_one_that_stood(cast):
    figure(CODE, PERIOD, "250.0", growth="16.2", rank=2, unit="亿元")
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", "16.2")])
    pool = RankPool.objects.get(code="five-urban-districts")
    StagedFigure.objects.filter(job=job).update(rank_pool=pool, rank_place=1, rank_by="growth")
    (made,) = approve(cast, submitted(cast, job))
    assert list(made.ranks.values_list("by", "place", "pool_size")) == [("growth", 1, 5)]


def test_place_outside_its_pool_is_refused_in_the_words_of_the_constraint(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", "16.2")])
    pool = RankPool.objects.get(code="five-urban-districts")
    StagedFigure.objects.filter(job=job).update(rank_pool=pool, rank_place=6, rank_by="growth")
    submission = submitted(cast, job)
    with pytest.raises(Refused, match="位次必须在 1 与范围大小之间。没有改变任何内容。"):
        approve(cast, submission)
    assert Submission.objects.get(pk=submission.pk).state == "submitted"
    assert not Vintage.objects.filter(entry__submission=submission).exists()


def test_missing_definition_names_indicator_and_period(cast):
    one = many_indicators(1)[0]
    one.versions.update(valid_from=dt.date(2023, 8, 1))
    submission = submitted(cast, staged_job(cast.admin, [(one.code, PERIOD, "1", None)]))
    with pytest.raises(Refused, match=f"“{one.name}”在2023年1—7月没有生效的口径"):
        approve(cast, submission)


def test_unit_left_out_is_the_definition_s(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])
    StagedFigure.objects.filter(job=job).update(unit="")
    (made,) = approve(cast, submitted(cast, job))
    assert made.unit == Indicator.objects.get(code=CODE).versions.get().unit


def test_figure_known_later_stays_in_force(cast):
    later = figure(CODE, PERIOD, "260.0", unit="亿元", known_from=timezone.now() + dt.timedelta(1))
    approve(cast, submitted(cast, staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])))
    assert Observation.objects.get(pk=later.observation_id).current == later


def test_two_forms_that_state_one_figure_number_their_states(cast):
    first, second = month_end(2, each=1)
    second.entries.update(indicator=first.entries.get().indicator)
    done = actions.approve_many(by=cast.reviewer, seen={form.pk: form.row_version for form in (first, second)})
    assert list(done.vintages.order_by("number").values_list("number", "entry__submission")) == [
        (1, first.pk),
        (2, second.pk),
    ]
    observation = Observation.objects.get(indicator=first.entries.get().indicator, period_end="2024-03-31")
    assert observation.current.entry.submission_id == second.pk


def test_lights_are_judged_in_parts(cast, monkeypatch):
    monkeypatch.setattr(recording, "LIGHTS_AT_ONCE", 2)
    made = many_indicators(5)
    for one in made:
        target(f"t-{one.code}", indicator=one.code, period="2023-12.ytd", value="10", kind="year", measure="growth")
    approve(cast, submitted(cast, staged_job(cast.admin, [(one.code, PERIOD, "1.5", "12") for one in made])))
    assert LightResult.objects.filter(vintage__observation__indicator__in=made).count() == 5


def test_approval_takes_the_same_queries_for_one_figure_and_a_thousand(cast):
    def count(figures, name: str) -> int:
        submission = submitted(cast, staged_job(cast.admin, figures, name=name))
        with CaptureQueriesContext(connection) as queries:
            actions.approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
        return len(queries)

    one, *many = many_indicators(1001)
    single = count([(one.code, PERIOD, "1.5", None)], "一.csv")
    assert count([(indicator.code, PERIOD, "1.5", None) for indicator in many], "千.csv") == single
    assert Vintage.objects.filter(entry__submission__import_job__isnull=False).count() == 1001


# The operator publishes directly


def source() -> Source:
    return Source.objects.create(code="yearbook-2023", kind="file", title="统计年鉴2023")


def test_direct_publication_names_its_source_and_nobody(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", "16.2"), ("domestic_capital", PERIOD, "30", None)])
    StagedFigure.objects.filter(job=job, seq=2).update(status="same")
    moment = timezone.now() - dt.timedelta(days=30)
    (made,) = actions.publish_staged(job=job, source=source(), known_from=moment, reason="补录年鉴")
    assert (made.value, made.growth, made.source.code) == (D("254.1"), D("16.2"), "yearbook-2023")
    assert (made.known_from, made.known_from_is_backfilled, made.status) == (moment, True, "unstated")
    assert (made.entry, made.entered_by, made.approved_by, made.reason) == (None, None, None, "")
    assert (made.locator, made.district.code) == ("第2行", HOME)
    assert made.observation.current == made


def test_direct_publication_of_a_correction_says_why(cast):
    figure(CODE, PERIOD, "250.0", unit="亿元", known_from=timezone.now() - dt.timedelta(days=60))
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])
    StagedFigure.objects.filter(job=job).update(status="changed")
    (made,) = actions.publish_staged(job=job, source=source())
    assert (made.number, made.reason, made.known_from_is_backfilled) == (2, "补录来源：统计年鉴2023", False)


def test_direct_publication_is_refused_without_figures_and_for_a_moment_to_come(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])
    with pytest.raises(Refused, match="不能晚于现在"):
        actions.publish_staged(job=job, source=source(), known_from=timezone.now() + dt.timedelta(days=1))
    StagedFigure.objects.filter(job=job).update(status="same")
    with pytest.raises(Refused, match="无需导入"):
        actions.publish_staged(job=job, source=Source.objects.get(code="yearbook-2023"))


# The pages of a long import


@pytest.fixture
def long_import(cast) -> Submission:
    """One figure more than is shown as a whole; two are in force already, and the last line was found odd."""
    made = many_indicators(WHOLE + 1)
    for one in made[:2]:
        figure(one.code, PERIOD, "1.4", unit="亿元")
    job = staged_job(cast.admin, [(one.code, PERIOD, "1.5", None) for one in made])
    problem = {"group": "环比", "message": "与上月相差很大", "remedy": "请核对"}
    ImportProblem.objects.create(job=job, line=WHOLE + 2, severity="verify", **problem)
    ImportProblem.objects.create(job=job, line=3, severity="hint", **problem)
    return submitted(cast, job)


def test_long_import_is_shown_by_pages_problems_first(long_import, signed_in):
    client = signed_in("reviewer")
    page = client.get(f"/reviews/{long_import.pk}/").content.decode()
    entries = list(long_import.entries.order_by("pk").values_list("pk", flat=True))
    shown = [int(part.partition('"')[0]) for part in page.split('<tr id="entry-')[1:]]
    assert shown == [entries[1], entries[-1], entries[0], *entries[2 : PAGE - 1]]
    for said in (f"{WHOLE + 1} 项数据", f"首次录入 {WHOLE - 1} 项", "更新 2 项", "还有 1 处核查问题", "共 5 页"):
        assert said in page, said
    assert "将替代现行数据" in page
    last = client.get(f"/reviews/{long_import.pk}/?page=5").content.decode()
    assert last.count('<tr id="entry-') == 1


def test_long_import_is_counted_in_the_queue_and_not_approved_unread(cast, long_import, signed_in):
    page = signed_in("reviewer").get("/reviews/").content.decode()
    for said in (f"首次 {WHOLE - 1} 项", "更新 2 项", f"共{WHOLE + 1}项数据，请逐份审核。"):
        assert said in page, said
    done = actions.approve_many(by=cast.reviewer, seen={long_import.pk: long_import.row_version})
    assert [why for _, why in done.refused] == [f"共{WHOLE + 1}项数据，请逐份审核。"]


def test_long_import_is_approved_in_one_step(long_import, signed_in):
    data = {"row_version": long_import.row_version}
    response = signed_in("reviewer").post(f"/reviews/{long_import.pk}/approve/", data, follow=True)
    assert f"已通过，{WHOLE + 1} 项数据即时生效" in response.content.decode()
    assert Vintage.objects.filter(entry__submission=long_import).count() == WHOLE + 1


def test_page_of_a_long_import_takes_the_same_queries_however_long(cast, signed_in):
    client = signed_in("reviewer")

    def count(length: int, name: str) -> int:
        made = many_indicators(length, prefix=name)
        job = staged_job(cast.admin, [(one.code, PERIOD, "1.5", None) for one in made], name=name)
        submission = submitted(cast, job)
        client.get(f"/reviews/{submission.pk}/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/reviews/{submission.pk}/").status_code == 200
        return len(queries)

    assert count(WHOLE + 1, "short") == count(3 * WHOLE, "long") <= 30


def test_districts_of_one_file_are_approved_together(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])
    other = District.objects.get(code="220103")
    StagedFigure.objects.create(
        job=job, seq=9, line=9, status="new", district=other, indicator=Indicator.objects.get(code=CODE),
        period_kind="ytd", period_end=dt.date(2023, 7, 31), value=D("88"), unit="亿元",
    )  # fmt: skip
    made = approve(cast, submitted(cast, job))
    assert {(v.district.code, v.value) for v in made} == {(HOME, D("254.1")), ("220103", D("88"))}
