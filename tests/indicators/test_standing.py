"""Which target is behind and whether it matters: the light decides, the figures are the pace's own. No database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal as D

import pytest

from indicators.attention import Exempted, LightRow
from indicators.models import Indicator, Target
from indicators.pace import Outlook, Pace
from indicators.rows import Figure, Row, TargetRow, percent_figure, pp_figure
from indicators.standing import Stand, Standing, judged, standings
from lvyuan.accounts.models import Department
from lvyuan.periods import Period

YEAR = Period.ytd(2024, 12)


def pace(gap: str | None = None, *, code: str = "population-80", **given: object) -> Pace:
    """A target that is 85.4 % done, so many points off what is due."""
    owner = Department(short_name="统计局")
    indicator = Indicator(pk=sum(map(ord, code)), code=code, name=code, owner=owner)
    row = TargetRow(Target(code=code, name="常住人口", indicator=indicator), Figure("t", "80万"), YEAR)
    off = pp_figure(f"target/{code}/gap", D(gap)) if gap is not None else None
    done = percent_figure(f"target/{code}/completion", D("85.4"), is_derived=True)
    return Pace(row, **{"base_period": YEAR, "completion": done, "gap": off} | given)  # type: ignore[arg-type]


def light(colour: str, code: str = "population-80", **given: object) -> LightRow:
    return LightRow(colour, "完成85.4%，按复合增速应93.4%，低8.0个百分点 → 红", target_code=code, **given)  # type: ignore[arg-type]


def short_by(text: str) -> Outlook:
    one = Figure("target/gdp-2025/outlook", text, D("6.97"))
    return Outlook(one, one, one, 3, one)


@pytest.mark.parametrize(
    ("found", "standing", "tone", "mark", "lead"),
    [
        (Stand(pace("-8.0"), light("red")), Standing.BEHIND, "bad", "red", ("比应完成少", "8.0个百分点")),
        (Stand(pace("-0.1"), light("yellow")), Standing.SLIGHT, "warn", "yellow", ("比应完成少", "0.1个百分点")),
        (Stand(pace("-8.0")), Standing.UNJUDGED, "quiet", "unrated", ("比应完成少", "8.0个百分点")),
        (Stand(pace("0.5"), light("green")), Standing.FINE, "good", "green", ("比应完成多", "0.5个百分点")),
        (Stand(pace("0.5")), Standing.FINE, "good", "on_track", ("比应完成多", "0.5个百分点")),
        (
            Stand(pace("0.5", outlook=short_by("6.97亿元"))),
            Standing.SHORT,
            "warn",
            "acceleration_needed",
            ("眼下不落后，到期测算至少差", "6.97亿元"),
        ),
        # the light judged the gap, so the gap is told, not the range
        (
            Stand(pace("-8.0", outlook=short_by("6.97亿元")), light("red")),
            Standing.BEHIND,
            "bad",
            "red",
            ("比应完成少", "8.0个百分点"),
        ),
        (
            Stand(pace("1.0", is_reached=True), light("green")),
            Standing.REACHED,
            "good",
            "achieved",
            ("已达到目标", None),
        ),
        (Stand(pace()), Standing.UNKNOWN, "quiet", "none", ("没有进度要求可比", None)),
        (Stand(pace(completion=None)), Standing.UNKNOWN, "quiet", "none", ("缺当前值", None)),
        (
            Stand(pace("-8.0"), light("red", exemption=Exempted(dt.date(2025, 12, 31), "洪灾"))),
            Standing.UNJUDGED,
            "quiet",
            "exempt",
            ("比应完成少", "8.0个百分点"),
        ),
        (
            Stand(pace(completion=None), light("red")),
            Standing.BEHIND,
            "bad",
            "red",
            ("完成85.4%，按复合增速应93.4%，低8.0个百分点", None),
        ),
    ],
)
def test_the_light_says_what_matters(found, standing, tone, mark, lead):
    words, figure = found.lead
    assert (found.standing, found.tone, found.mark[0]) == (standing, tone, mark)
    assert (words, figure.text if figure else None) == lead


def test_the_lead_is_the_paces_own_figure():
    found = Stand(pace("-8.0"), light("red")).lead[1]
    assert (found.key, found.machine, found.text) == ("target/population-80/gap", "-8.0", "8.0个百分点")


def shown(*paces: Pace, period: Period = YEAR) -> list[Row]:
    return [Row(one.row.target.indicator, period=period) for one in paces]


def test_the_gravest_comes_first_then_the_farthest_behind():
    codes = ("fine", "slight", "red-1", "red-2")
    paces = [pace(gap, code=code) for gap, code in zip(("0.5", "-0.1", "-3.0", "-8.0"), codes, strict=True)]
    lights = {
        one.row.target.indicator_id: light(colour, one.row.target.code)
        for one, colour in zip(paces, ("green", "yellow", "red", "red"), strict=True)
    }
    found = standings(paces, shown(*paces), lights)
    assert [stand.pace.row.target.code for stand in found] == ["red-2", "red-1", "slight", "fine"]


def test_a_light_counts_for_the_target_and_the_figure_that_it_judged_only():
    one = pace("-8.0")
    number = one.row.target.indicator_id
    red = light("red")
    assert standings([one], shown(one), {number: red})[0].light == red
    assert standings([one], shown(one), {number: replace(red, target_code="population-2024")})[0].light is None
    assert standings([one], shown(one, period=Period.ytd(2024, 6)), {number: red})[0].light is None
    assert standings([one], shown(one), {})[0].light is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (light("red", gap=D("-2.3")), "gap"),
        (light("green", gap=D("0.5")), ""),  # of the goal of several years; beside −2.3 green would be a riddle
        (light("green", gap=D("17.1"), by_growth=True), "excess"),
        (light("red", gap=D("-2.3"), by_growth=True), ""),
        (light("red"), ""),
        (None, ""),
    ],
)
def test_a_light_stands_beside_what_it_judged(given, name):
    row = Row(Indicator(code="gdp"), gap=pp_figure("gdp/gap", D("-2.3")), excess=pp_figure("gdp/excess", D("17.1")))
    assert judged(row, given) == name
    assert judged(Row(Indicator(code="gdp")), given) == ""


def test_who_enters_it():
    assert Stand(pace()).owner == "统计局"
