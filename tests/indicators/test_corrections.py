"""What a correction of an approved figure changes, and what it leaves standing; with the article's figures."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.utils import timezone

from indicators import actions
from indicators.corrections import changed_cells, standing
from indicators.models import Entry, Indicator, LockException, Observation, RankPool, Round, Submission, Vintage
from indicators.refusals import Refused
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, month_end

pytestmark = pytest.mark.django_db
JUNE = Period.ytd(2023, 6)


def approve(by, submission) -> list[Vintage]:
    version = Submission.objects.get(pk=submission.pk).row_version
    return list(actions.approve(by=by, submission=submission, row_version=version))


def reopen(by, submission, reason="统计局核定数有更正"):
    return actions.reopen(by=by, submission=submission, row_version=submission.row_version, reason=reason)


def rewrite(entry: Entry, **columns: object) -> actions.Draft:
    """The line again as it is stored, but for `columns`."""
    names = (
        "value",
        "unit",
        "growth",
        "growth_basis",
        "note",
        "status",
        "reason",
        "rank_pool",
        "rank_place",
        "rank_by",
    )
    return actions.Draft(
        indicator=entry.indicator,
        district=entry.district,
        period=entry.period,
        columns={name: getattr(entry, name) for name in names} | columns,
    )


def save(submission, *drafts) -> Submission:
    by = submission.submitted_by
    version = Submission.objects.get(pk=submission.pk).row_version
    return actions.save_entries(
        by=by, round=submission.round, department=by.department, drafts=drafts, row_version=version
    )


# A form of three figures, approved, then one of them corrected


@pytest.fixture
def approved(cast) -> Submission:
    (form,) = month_end(1, each=3)
    assert len(approve(cast.reviewer, form)) == 3
    return Submission.objects.select_related("round").get(pk=form.pk)


def test_a_correction_is_exactly_one_new_vintage(cast, approved):
    reopened = reopen(cast.reviewer, approved)
    first, *others = approved.entries.order_by("indicator__order")
    before = Vintage.objects.get(entry=first)
    save(approved, rewrite(first, value=D("110.4"), status="preliminary", reason="企业报表更正"))
    actions.submit(by=approved.submitted_by, submission=reopened)
    (vintage,) = approve(cast.reviewer, approved)
    assert (vintage.value, vintage.number, vintage.status, vintage.reason) == (
        D("110.4"),
        2,
        "preliminary",
        "企业报表更正",
    )
    assert (vintage.entered_by, vintage.approved_by) == (approved.submitted_by, cast.reviewer)
    assert Observation.objects.get(pk=vintage.observation_id).current == vintage
    before.refresh_from_db()
    assert (before.value, before.number, before.status) == (D("110.0"), 1, "flash")
    assert [Vintage.objects.filter(entry=entry).count() for entry in others] == [1, 1]


def test_old_vintage_stays_visible_with_date_and_reason(cast, approved, signed_in):
    reopen(cast.reviewer, approved)
    first = approved.entries.order_by("indicator__order").first()
    save(approved, rewrite(first, value=D("110.4"), status="final", reason="企业报表更正"))
    actions.submit(by=approved.submitted_by, submission=approved)
    approve(cast.reviewer, approved)
    page = signed_in("leader").get(f"/figures/{first.indicator.code}/{HOME}/2024-03.ytd/").content.decode()
    for said in ("110.4亿元", "110.0亿元", "企业报表更正", "最终核实", "快报", "已被替代"):
        assert said in page, said


def test_approving_unchanged_figures_again_adds_nothing(cast, approved):
    reopened = reopen(cast.reviewer, approved)
    actions.submit(by=approved.submitted_by, submission=reopened)
    assert approve(cast.reviewer, approved) == []


def test_correction_without_a_reason_is_not_handed_in(cast, approved):
    reopened = reopen(cast.reviewer, approved)
    first = approved.entries.order_by("indicator__order").first()
    save(approved, rewrite(first, value=D("110.4"), status="preliminary"))
    with pytest.raises(Refused, match="须写明“修订理由”(.|\n)*原为110.0亿元"):
        actions.submit(by=approved.submitted_by, submission=reopened)


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ({"status": "final", "reason": "年报核实"}, 1),  # as firm as it gets, though the digits are the same
        ({"note": "补充说明"}, 1),
        ({"value": D("110.00"), "reason": "补足位数"}, 1),  # 110.0 and 110.00 differ in what they say
        ({"reason": "只写了理由"}, 0),
    ],
)
def test_what_counts_as_a_new_vintage(cast, approved, columns, count):
    reopened = reopen(cast.reviewer, approved)
    first = approved.entries.order_by("indicator__order").first()
    save(approved, rewrite(first, **columns))
    actions.submit(by=approved.submitted_by, submission=reopened)
    assert len(approve(cast.reviewer, approved)) == count


def test_emptied_line_leaves_the_approved_figure_in_force(cast, approved):
    reopened = reopen(cast.reviewer, approved)
    first = approved.entries.order_by("indicator__order").first()
    save(approved, rewrite(first, value=None, unit="", growth=None, growth_basis=""))
    actions.submit(by=approved.submitted_by, submission=reopened)
    assert approve(cast.reviewer, approved) == []
    assert Vintage.objects.get(entry=first).observation.current.value == D("110.0")


# The article's figures of the first half of 2023, corrected in a backfill round


@pytest.fixture
def june(db) -> Round:
    """A backfill round for June 2023, whose figures the newspaper published."""
    return Round.objects.create(
        district=District.objects.get(code=HOME),
        code="2023-06",
        month=dt.date(2023, 6, 30),
        kind="backfill",
        opens_at=timezone.now() - dt.timedelta(days=1),
    )


def let_in(cast, june, person, code) -> LockException:
    return actions.grant_exception(
        by=cast.reviewer,
        lock="published",
        round=june,
        department=person.department,
        indicator=Indicator.objects.get(code=code),
        reason="报纸所载与核定数不一致",
        expires_at=timezone.now() + dt.timedelta(days=1),
    )


def hand_in(june, person, code, **columns) -> Submission:
    drafts = [
        actions.Draft(
            indicator=Indicator.objects.get(code=code),
            district=District.objects.get(code=HOME),
            period=JUNE,
            columns={"growth_basis": "unstated", "status": "preliminary", "reason": "与统计局核定数核对"} | columns,
        )
    ]
    submission = Submission.objects.filter(round=june, department=person.department).first()
    saved = actions.save_entries(
        by=person,
        round=june,
        department=person.department,
        drafts=drafts,
        row_version=submission.row_version if submission else 0,
    )
    return actions.submit(by=person, submission=saved)


def said(vintage: Vintage) -> dict[str, list[tuple[str, object]]]:
    return {
        "ranks": [(rank.by, rank.place) for rank in vintage.ranks.all()],
        "comparisons": [(one.kind, one.delta, one.wording) for one in vintage.comparisons.all()],
    }


def test_published_figure_is_locked_without_an_exception(cast, june):
    with pytest.raises(Refused, match="还没有填写任何数据"):  # the line was not taken in
        hand_in(june, cast.staff, "industrial_output", value=D("224.1"), unit="亿元", growth=D("17"))
    assert not Entry.objects.exists()


def test_corrected_level_of_industrial_output(cast, june):
    """规上工业总产值 223.7亿元，增长17%，首位: the place says not by what, so it falls with the level."""
    let_in(cast, june, cast.staff, "industrial_output")
    form = hand_in(june, cast.staff, "industrial_output", value=D("224.1"), unit="亿元", growth=D("17"))
    (vintage,) = approve(cast.reviewer, form)
    assert (vintage.number, vintage.value, vintage.growth, vintage.status) == (2, D("224.1"), D("17"), "preliminary")
    assert said(vintage) == {"ranks": [], "comparisons": []}
    old = vintage.observation.vintages.get(number=1)
    assert (old.value, said(old)["ranks"]) == (D("223.7"), [("unstated", 1)])


def test_same_figures_of_industrial_output_keep_the_rank(cast, june):
    let_in(cast, june, cast.staff, "industrial_output")
    form = hand_in(june, cast.staff, "industrial_output", value=D("223.7"), unit="亿元", growth=D("17"))
    (vintage,) = approve(cast.reviewer, form)
    assert said(vintage)["ranks"] == [("unstated", 1)]
    assert vintage.source.kind == "form"


def test_restated_rank_of_industrial_output_replaces_none_other(cast, june):
    let_in(cast, june, cast.staff, "industrial_output")
    form = hand_in(
        june,
        cast.staff,
        "industrial_output",
        value=D("223.7"),
        unit="亿元",
        growth=D("17"),
        rank_pool=RankPool.objects.get(code="five-urban-districts"),
        rank_place=2,
        rank_by="growth",
    )
    (vintage,) = approve(cast.reviewer, form)
    assert sorted(said(vintage)["ranks"]) == [("growth", 2), ("unstated", 1)]


def test_printed_excess_stays_while_the_growth_does(cast, june):
    """实际到位内资 30.82亿元，增长42.8%，超出预期22.8个百分点: a corrected level does not touch it."""
    let_in(cast, june, cast.staff2, "domestic_capital")
    form = hand_in(june, cast.staff2, "domestic_capital", value=D("30.91"), unit="亿元", growth=D("42.8"))
    (vintage,) = approve(cast.reviewer, form)
    assert said(vintage)["comparisons"] == [("over_expectation", D("22.8"), "超出预期22.8个百分点")]


def test_printed_excess_falls_with_the_growth(cast, june):
    let_in(cast, june, cast.staff2, "domestic_capital")
    form = hand_in(june, cast.staff2, "domestic_capital", value=D("30.82"), unit="亿元", growth=D("41.8"))
    (vintage,) = approve(cast.reviewer, form)
    assert (vintage.growth, said(vintage)["comparisons"]) == (D("41.8"), [])
    old = vintage.observation.vintages.get(number=1)
    assert said(old)["comparisons"] == [("over_expectation", D("22.8"), "超出预期22.8个百分点")]


def test_rank_by_growth_stays_when_only_the_level_is_corrected(cast):
    """地区生产总值增长10.1%，增速五城区第一; the level was not printed and comes later."""
    before = Vintage.objects.get(observation__indicator__code="gdp", observation__period_end="2023-06-30")
    entry = Entry(
        indicator=before.observation.indicator,
        district=before.observation.district,
        period_kind="ytd",
        period_end=dt.date(2023, 6, 30),
        value=D("170.3"),
        unit="亿元",
        growth=D("10.1"),
        status="unstated",
        note=before.note,
    )
    (vintage,) = standing([entry]).values()
    assert changed_cells(entry, vintage) == {"value"}
    entry.growth = D("10.2")
    assert changed_cells(entry, vintage) == {"value", "growth", "rank_place"}


# Cell by cell


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, set()),
        ({"value": D("100.1")}, {"value"}),
        ({"value": D("100.00")}, {"value"}),
        ({"unit": "万元"}, {"value"}),
        ({"comparator": ">", "printed": "100余亿元"}, {"value"}),
        ({"growth": None}, {"growth", "rank_place"}),  # the place by growth falls with it
        ({"growth": D("10.1")}, {"growth", "rank_place"}),
        ({"rank_place": 3, "rank_by": "growth"}, {"rank_place"}),
        ({"rank_place": 2, "rank_by": "growth"}, set()),
        ({"rank_place": 3, "rank_by": "level"}, {"rank_place"}),
        ({"note": "新说明"}, {"note"}),
        ({"status": "final"}, {"status"}),
        ({"value": None, "growth": None}, set()),  # says nothing: what is in force stays
    ],
)
def test_changed_cells(cast, columns, expected):
    vintage = figure(
        "industrial_output", "2024-03.ytd", "100.0", unit="亿元", growth="10.0", rank=2, status="flash", note="说明"
    )
    pool = RankPool.objects.get(code="five-urban-districts")
    said = {"value": D("100.0"), "unit": "亿元", "growth": D("10.0"), "note": "说明"} | columns
    if "rank_place" in columns:
        said["rank_pool"] = pool
    entry = Entry(
        indicator=vintage.observation.indicator,
        district=vintage.observation.district,
        period_kind="ytd",
        period_end=dt.date(2024, 3, 31),
        **said,
    )
    assert changed_cells(entry, vintage) == expected


def test_first_figure_changes_what_it_says(cast):
    entry = Entry(value=D("1"), growth=D("2"), note="新")
    assert changed_cells(entry, None) == {"value", "growth", "note"}
