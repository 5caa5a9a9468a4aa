"""An import taken back: before it was decided on, and after; what stands in the way; nothing is deleted."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.imports.undo import undo, undo_approved, undo_obstacles
from indicators.models import GrowthReason, Observation, Release, Submission, Transition, Vintage
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import District
from lvyuan.imports.actions import undo_job
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportRefused
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators, staged_job

pytestmark = pytest.mark.django_db
CODE, PERIOD = "industrial_output", "2023-07.ytd"


def waiting(cast, figures, name="七月.csv") -> Submission:
    """An import of (indicator's code, period, value, growth) that waits for a reviewer."""
    job = staged_job(cast.admin, figures, name=name)
    submission = actions.submit_staged(by=cast.admin, job=job)
    job.state, job.confirmed_at = ImportJob.State.CONFIRMED, timezone.now()
    job.save()
    return Submission.objects.get(pk=submission.pk)


def approved(cast, figures, name="七月.csv") -> Submission:
    submission = waiting(cast, figures, name)
    actions.approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    return Submission.objects.get(pk=submission.pk)


def undone(cast, submission: Submission, reason="导错了月份") -> Submission:
    version = Submission.objects.get(pk=submission.pk).row_version
    return undo_approved(by=cast.reviewer2, submission=submission, row_version=version, reason=reason)


def current(code=CODE) -> Vintage:
    return Observation.objects.get(indicator__code=code, district__code=HOME, period_end="2023-07-31").current


def test_waiting_import_is_taken_back_by_its_sender_and_nothing_is_deleted(cast):
    submission = waiting(cast, [(CODE, PERIOD, "254.1", None)])
    undo_job(by=cast.admin, job=submission.import_job, reason="传错了文件")
    submission.refresh_from_db()
    job = ImportJob.objects.get(pk=submission.import_job_id)
    assert (submission.state, job.state, job.undo_reason) == ("draft", "undone", "传错了文件")
    assert Transition.objects.filter(submission=submission).last().reason == "传错了文件"
    assert submission.entries.count() == 1
    assert not Vintage.objects.filter(entry__submission=submission).exists()


def test_undone_import_cannot_be_submitted_again(cast):
    submission = waiting(cast, [(CODE, PERIOD, "254.1", None)])
    undo_job(by=cast.admin, job=submission.import_job, reason="传错了文件")
    with pytest.raises(Conflict, match="已经撤销"):
        actions.submit(by=cast.admin, submission=submission)


def test_figure_that_was_new_is_withdrawn_with_the_reason(cast):
    submission = approved(cast, [(CODE, PERIOD, "254.1", "16.2")])
    undone(cast, submission)
    withdrawn = current()
    assert (withdrawn.number, withdrawn.status, withdrawn.value, withdrawn.growth) == (2, "withdrawn", None, None)
    assert withdrawn.reason == "撤销导入：导错了月份"
    assert (withdrawn.approved_by, withdrawn.entered_by, withdrawn.entry) == (cast.reviewer2, None, None)
    assert not Vintage.objects.in_force().filter(observation=withdrawn.observation).exists()
    job = ImportJob.objects.get(pk=submission.import_job_id)
    assert (job.state, job.undone_by) == ("undone", cast.reviewer2)


def test_figure_that_stood_before_stands_again_with_its_rank(cast):
    before = figure(CODE, PERIOD, "250.0", growth="15.0", rank=2, unit="亿元", note="企业停产检修")
    submission = approved(cast, [(CODE, PERIOD, "254.1", "16.2")])
    assert current().value == D("254.1")
    undone(cast, submission)
    restated = current()
    assert (restated.number, str(restated.value), str(restated.growth)) == (3, "250.0", "15.0")
    assert (restated.note, restated.source, restated.version) == (before.note, before.source, before.version)
    assert list(restated.ranks.values_list("place", "by")) == [(2, "growth")]
    assert restated.reason == "撤销导入：导错了月份"
    assert before.observation.vintages.count() == 3


def test_withdrawn_figure_is_withdrawn_again(cast):
    figure(CODE, PERIOD, "250.0", unit="亿元")
    figure(CODE, PERIOD, status="withdrawn", reason="填错")
    undone(cast, approved(cast, [(CODE, PERIOD, "254.1", None)]))
    assert (current().number, current().status) == (4, "withdrawn")


def test_undo_of_approved_figures_is_for_a_reviewer(cast):
    submission = approved(cast, [(CODE, PERIOD, "254.1", None)])
    with pytest.raises(ImportRefused, match="须由审核员撤销"):
        undo_job(by=cast.admin, job=submission.import_job, reason="导错了")
    for who in (cast.admin, cast.staff, cast.leader, cast.auditor):
        with pytest.raises(NotAllowed):
            undo_approved(by=who, submission=submission, row_version=submission.row_version, reason="导错了")
    assert current().value == D("254.1")


def test_undo_needs_a_reason_and_the_state_that_was_seen(cast):
    submission = approved(cast, [(CODE, PERIOD, "254.1", None)])
    with pytest.raises(Refused, match="写明理由"):
        undone(cast, submission, reason=" ")
    with pytest.raises(Conflict, match="有改动"):
        undo_approved(by=cast.reviewer2, submission=submission, row_version=0, reason="导错了")
    undone(cast, submission)
    with pytest.raises(Conflict, match="有改动"):
        undone(cast, submission)


def test_later_state_stands_in_the_way(cast):
    submission = approved(cast, [(CODE, PERIOD, "254.1", None)])
    figure(CODE, PERIOD, "255.0", unit="亿元", reason="统计局核定")
    with pytest.raises(Refused, match="2023年1—7月：导入之后又有新的版本") as refused:
        undone(cast, submission)
    assert "不能撤销，没有改变任何内容" in str(refused.value)
    assert current().value == D("255.0")


def test_release_and_reason_of_growth_stand_in_the_way(cast):
    submission = approved(cast, [(CODE, PERIOD, "254.1", "16.2"), ("domestic_capital", PERIOD, "30", None)])
    Release.objects.create(vintage=current(), released_at=timezone.now(), authority="新闻发布会", by=cast.reviewer)
    GrowthReason.objects.create(
        vintage=current("domestic_capital"), kind="scope", effect=D(1), source="统计局", written_by=cast.reviewer
    )
    told = undo_obstacles(submission.import_job, cast.reviewer2)
    assert ["已经发布" in told[0], "增速差异原因" in told[1], len(told)] == [True, True, 2]


def test_newer_draft_of_the_same_figure_stands_in_the_way(cast):
    first = approved(cast, [(CODE, PERIOD, "254.1", None)])
    waiting(cast, [(CODE, PERIOD, "256.0", None)], name="更正.csv")
    (told,) = undo_obstacles(first.import_job, cast.reviewer2)
    assert "“导入 更正.csv”里有导入之后填的数" in told


def test_obstacles_are_listed_up_to_twenty_and_counted(cast):
    made = many_indicators(25)
    submission = approved(cast, [(one.code, PERIOD, "1.5", None) for one in made])
    for one in made:
        figure(one.code, PERIOD, "2.5", unit="亿元", reason="更正")
    told = undo_obstacles(submission.import_job, cast.reviewer2)
    assert len(told) == 21
    assert told[-1] == "另有 5 项没有列出。"


def test_directly_published_figures_are_not_undone_here(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)])
    (told,) = undo_obstacles(job, cast.admin)
    assert "命令行直接发布" in told
    with pytest.raises(ImportRefused, match="命令行直接发布"):
        undo(job, cast.admin, "导错了")


def test_undo_takes_the_same_queries_for_one_figure_and_a_thousand(cast):
    def count(figures, name: str) -> int:
        submission = approved(cast, figures, name)
        with CaptureQueriesContext(connection) as queries:
            undone(cast, submission)
        return len(queries)

    one, *many = many_indicators(1001)
    one_query = count([(one.code, PERIOD, "1.5", None)], "一.csv")
    assert count([(indicator.code, PERIOD, "1.5", None) for indicator in many], "千.csv") == one_query
    assert Vintage.objects.filter(status="withdrawn").count() == 1001


def test_reviewer_undoes_by_the_page(cast, signed_in):
    submission = approved(cast, [(CODE, PERIOD, "254.1", None)])
    client = signed_in("reviewer2")
    page = client.get(f"/reviews/{submission.pk}/").content.decode()
    assert f'action="/reviews/{submission.pk}/undo/"' in page
    data = {"row_version": submission.row_version, "reason": ""}
    assert client.post(f"/reviews/{submission.pk}/undo/", data).status_code == 422
    response = client.post(f"/reviews/{submission.pk}/undo/", data | {"reason": "导错了月份"}, follow=True)
    page = response.content.decode()
    assert "已由T-Reviewer2于" in page
    assert "撤销：导错了月份" in page
    assert f'action="/reviews/{submission.pk}/undo/"' not in page


def test_page_tells_what_stands_in_the_way(cast, signed_in):
    submission = approved(cast, [(CODE, PERIOD, "254.1", None)])
    figure(CODE, PERIOD, "255.0", unit="亿元", reason="统计局核定")
    data = {"row_version": submission.row_version, "reason": "导错了月份"}
    response = signed_in("reviewer2").post(f"/reviews/{submission.pk}/undo/", data)
    assert response.status_code == 409
    assert "导入之后又有新的版本" in response.content.decode()


def test_other_districts_are_named(cast):
    job = staged_job(cast.admin, [(CODE, PERIOD, "254.1", None)], at="220103")
    submission = actions.submit_staged(by=cast.admin, job=job)
    ImportJob.objects.filter(pk=job.pk).update(state="confirmed", confirmed_at=timezone.now())
    actions.approve(by=cast.reviewer, submission=submission, row_version=submission.row_version)
    figure(CODE, PERIOD, "255.0", unit="亿元", reason="更正", at="220103")
    (told,) = undo_obstacles(job, cast.reviewer2)
    assert str(District.objects.get(code="220103")) in told
