"""Rules as data: the four families of domain rules §5, what is unknown, and what cannot be judged by."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal as D
from pathlib import Path

import pytest

from indicators.lights import (
    COMPARATORS,
    LIMIT,
    MEASURES,
    RANGE,
    Inputs,
    Light,
    LightRuleError,
    Measure,
    evaluate,
    parse_rule,
)
from indicators.measures import Standing, lateness, measures
from lvyuan.numbers import Rounding

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "article" / "lights.json"
RULES = {
    rule["code"]: parse_rule(rule["versions"][0]["conditions"], rule["versions"][0]["otherwise"])
    for rule in json.loads(FIXTURE.read_text(encoding="utf-8"))["rules"]
}


def inputs(**values: str) -> Inputs:
    return Inputs({Measure(name): D(text) for name, text in values.items()})


def light(code: str, **values: str) -> Light:
    return evaluate(RULES[code], inputs(**values)).light


# domain.md §5, Yinchuan: 10—30 points behind yellow, over 30 red; 0—10 undefined, said by `otherwise`
@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ("-30.1", Light.RED),
        ("-30", Light.YELLOW),
        ("-10", Light.YELLOW),
        ("-9.9", Light.YELLOW),  # the undefined band: this installation's explicit default
        ("-0.1", Light.YELLOW),
        ("0", Light.GREEN),
        ("3.4", Light.GREEN),
    ],
)
def test_bands_of_the_gap(gap, expected):
    assert light("gap-bands", gap_pp=gap) == expected


def test_undefined_band_is_the_default_and_no_condition():
    assert evaluate(RULES["gap-bands"], inputs(gap_pp="-9.9")).condition is None
    assert evaluate(RULES["gap-bands"], inputs(gap_pp="-10")).condition == 2


# domain.md §5, Wuhan: under 80 % of planned progress yellow, under 60 % red
@pytest.mark.parametrize(
    ("ratio", "expected"),
    [("59.9", Light.RED), ("60", Light.YELLOW), ("79.9", Light.YELLOW), ("80", Light.GREEN), ("112", Light.GREEN)],
)
def test_ratio_to_planned_progress(ratio, expected):
    assert light("plan-ratio", plan_ratio=ratio) == expected


# domain.md §5, Tianjin: green only if ≥ plan AND ≥ city average; red if growth is negative
@pytest.mark.parametrize(
    ("growth", "excess", "city", "expected"),
    [
        ("7.0", "0", "0", Light.GREEN),
        ("7.0", "1.0", "-0.1", Light.YELLOW),
        ("7.0", "-0.1", "2.0", Light.YELLOW),
        ("0", "0", "0", Light.GREEN),
        ("-0.1", "1.0", "1.0", Light.RED),  # negative is red even where plan and city are worse
    ],
)
def test_two_comparators(growth, excess, city, expected):
    assert light("plan-and-city", growth=growth, excess_pp=excess, city_gap_pp=city) == expected


# domain.md §5: start month missed yellow, three months red; yellow, not green, when made up later
@pytest.mark.parametrize(
    ("done_on", "as_of", "expected"),
    [
        (None, dt.date(2023, 6, 30), Light.GREEN),  # due in June, June is not over
        (None, dt.date(2023, 7, 31), Light.YELLOW),
        (None, dt.date(2023, 8, 31), Light.YELLOW),
        (None, dt.date(2023, 9, 30), Light.RED),
        (dt.date(2023, 6, 12), dt.date(2023, 9, 30), Light.GREEN),
        (dt.date(2023, 10, 5), dt.date(2023, 10, 31), Light.YELLOW),
        (dt.date(2023, 10, 5), dt.date(2023, 9, 30), Light.RED),  # not done yet at that day
    ],
)
def test_months_late(done_on, as_of, expected):
    late, made_up = lateness(dt.date(2023, 6, 30), done_on, as_of)
    assert light("project-default", months_late=str(late), made_up_late=str(made_up)) == expected


def test_lateness_counts_calendar_months():
    due = dt.date(2023, 11, 30)
    assert lateness(due, None, dt.date(2024, 1, 31)) == (2, 0)
    assert lateness(due, dt.date(2024, 2, 1), dt.date(2024, 3, 31)) == (0, 3)
    assert lateness(due, dt.date(2023, 10, 1), dt.date(2024, 3, 31)) == (0, 0)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [("0", Light.GREEN), ("-0.1", Light.YELLOW), ("-4.9", Light.YELLOW), ("-5", Light.RED), ("-50", Light.RED)],
)
def test_default_for_levels(gap, expected):
    assert light("level-default", gap_pp=gap) == expected


@pytest.mark.parametrize(
    ("excess", "expected"), [("0", Light.GREEN), ("-1.9", Light.YELLOW), ("-2.0", Light.RED), ("17.1", Light.GREEN)]
)
def test_default_for_growth(excess, expected):
    assert light("growth-default", excess_pp=excess) == expected


# domain.md §5: the sentence; 36.7 % at April (4/12 = 33.3 %) is +3.4 (§4)
def test_sentence_of_the_published_case():
    standing = Standing(completion=D("36.7"), due_share=D(100) / 3, missing={}, names={Measure.DUE_SHARE: "序时"})
    verdict = evaluate(RULES["level-default"], measures(standing))
    assert verdict.sentence == "完成36.7%，序时33.3%，超3.4个百分点 → 绿"


# domain.md §4: 97.2 % at October → +13.8 (truncated from 13.87)
@pytest.mark.parametrize(
    ("completion", "twelfths", "rounding", "places", "gap"),
    [
        ("97.2", 10, Rounding.TRUNCATE, 1, "13.8"),
        ("97.2", 10, Rounding.HALF_UP, 1, "13.9"),
        ("30.90", 3, Rounding.HALF_UP, 2, "5.90"),
    ],
)
def test_gap_is_rounded_once_as_the_target_says(completion, twelfths, rounding, places, gap):
    standing = Standing(
        completion=D(completion),
        due_share=D(100) * twelfths / 12,
        rounding=rounding,
        places=places,
        missing={},
        names={},
    )
    assert str(measures(standing).values[Measure.GAP_PP]) == gap


@pytest.mark.parametrize(
    ("code", "values", "names", "sentence"),
    [
        (
            "level-default",
            {"completion": "30.0", "due_share": "33.3", "gap_pp": "-3.3"},
            {},
            "完成30.0%，应完成33.3%，低3.3个百分点 → 黄",
        ),
        (
            "level-default",
            {"completion": "50.0", "due_share": "50.0", "gap_pp": "0.0"},
            {},
            "完成50.0%，应完成50.0%，持平 → 绿",
        ),
        (
            "plan-ratio",
            {"completion": "36.7", "due_share": "47.0", "plan_ratio": "78.1"},
            {"due_share": "计划"},
            "完成36.7%，计划47.0%，达到计划进度的78.1% → 黄",
        ),
        ("growth-default", {"excess_pp": "17.1"}, {}, "超出预期17.1个百分点 → 绿"),
        ("growth-default", {"excess_pp": "-3.0"}, {"excess_pp": "目标"}, "低于目标3.0个百分点 → 红"),
        ("growth-default", {"excess_pp": "0.3"}, {"excess_pp": LIMIT}, "低于上限0.3个百分点 → 绿"),
        ("growth-default", {"excess_pp": "-1.3"}, {"excess_pp": LIMIT}, "高于上限1.3个百分点 → 黄"),
        ("growth-default", {"excess_pp": "-0.5"}, {"excess_pp": RANGE}, "在目标区间外，差0.5个百分点 → 黄"),
        ("growth-default", {"excess_pp": "0"}, {}, "与预期持平 → 绿"),
        (
            "plan-and-city",
            {"growth": "7.2", "excess_pp": "0.2", "city_gap_pp": "1.2"},
            {},
            "同比增长7.2%，超出预期0.2个百分点，增速高于全市1.2个百分点 → 绿",
        ),
        (
            "plan-and-city",
            {"growth": "7.2", "excess_pp": "0.2", "city_gap_pp": "-0.1"},
            {},
            "同比增长7.2%，超出预期0.2个百分点，增速低于全市0.1个百分点 → 黄",
        ),
        ("plan-and-city", {"growth": "-3.0"}, {}, "同比下降3.0% → 红"),
        ("project-default", {"months_late": "2", "made_up_late": "0"}, {}, "逾期2个月 → 黄"),
        ("project-default", {"months_late": "0", "made_up_late": "4"}, {}, "晚4个月补上 → 黄"),
        ("project-default", {"months_late": "0", "made_up_late": "0"}, {}, "未逾期 → 绿"),
    ],
)
def test_sentences(code, values, names, sentence):
    given = Inputs(inputs(**values).values, {}, {Measure(name): words for name, words in names.items()})
    assert evaluate(RULES[code], given).sentence == sentence


def test_rank_can_be_judged():
    rule = parse_rule([{"light": "green", "all": [{"measure": "rank", "is": "<=", "value": "2"}]}], "yellow")
    given = Inputs({Measure.RANK: D(2)}, {}, {Measure.RANK: "五城区"})
    assert evaluate(rule, given).sentence == "列五城区第2位 → 绿"
    assert evaluate(rule, inputs(rank="3")).light == Light.YELLOW


@pytest.mark.parametrize("code", RULES)
def test_nothing_known_is_unrated_and_never_red(code):
    verdict = evaluate(RULES[code], Inputs({}))
    assert verdict.light == Light.NONE
    assert verdict.missing
    assert verdict.sentence.startswith("未评：缺")


def test_unknown_comparator_stops_where_it_decides_and_not_before():
    # plan met, city unknown: the green condition hangs on the city
    asked = Inputs(inputs(growth="7", excess_pp="1").values, {Measure.CITY_GAP_PP: "没有全市同期增速"})
    verdict = evaluate(RULES["plan-and-city"], asked)
    assert (verdict.light, verdict.sentence) == (Light.NONE, "未评：没有全市同期增速")
    assert verdict.missing == (Measure.CITY_GAP_PP,)
    # plan missed: not green whatever the city did
    assert light("plan-and-city", growth="7", excess_pp="-1") == Light.YELLOW
    # negative growth is red whatever else is unknown
    assert light("plan-and-city", growth="-1") == Light.RED


def test_any_needs_one():
    tests = [{"measure": "rank", "is": "=", "value": "1"}, {"measure": "growth", "is": ">", "value": "10"}]
    rule = parse_rule([{"light": "green", "any": tests}], "red")
    assert evaluate(rule, inputs(rank="1")).light == Light.GREEN
    assert evaluate(rule, inputs(rank="2")).light == Light.NONE
    assert evaluate(rule, inputs(rank="2", growth="10")).light == Light.RED
    assert rule.conditions[0].words == "位次等于1位，或者同比增速高于10%"


@pytest.mark.parametrize(
    ("sign", "below", "at", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
        ("=", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_every_comparator(sign, below, at, above):
    rule = parse_rule([{"light": "green", "all": [{"measure": "growth", "is": sign, "value": "5"}]}], "red")
    found = [evaluate(rule, inputs(growth=text)).light == Light.GREEN for text in ("4.9", "5.0", "5.1")]
    assert found == [below, at, above]


def test_comparators_and_measures_are_all_said():
    assert len(COMPARATORS) == 6
    assert set(MEASURES) == set(Measure)


def test_inputs_survive_storage_digit_for_digit():
    given = inputs(gap_pp="3.40", growth="7")
    assert given.as_json() == {"gap_pp": "3.40", "growth": "7"}
    assert Inputs.from_json(given.as_json()).as_json() == given.as_json()


GOOD = {"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "0"}]}


@pytest.mark.parametrize(
    ("conditions", "otherwise", "message"),
    [
        ([], "red", "至少要有一个条件"),
        ("x", "red", "至少要有一个条件"),
        ([GOOD] * 13, "red", "最多12个"),
        ([GOOD], "", "都不符合时"),
        ([GOOD], "blue", "都不符合时"),
        ([GOOD, "x"], "red", "第2个条件"),
        ([GOOD, GOOD | {"light": "blue"}], "red", "第2个条件的灯"),
        ([{"light": "green"}], "red", "第1个条件应有且只有"),
        ([GOOD | {"any": GOOD["all"]}], "red", "第1个条件应有且只有"),
        ([GOOD | {"note": "x"}], "red", "第1个条件应有且只有"),
        ([{"light": "green", "all": []}], "red", "第1个条件应有1到6项"),
        ([{"light": "green", "all": "gap"}], "red", "第1个条件应有1到6项"),
        ([{"light": "green", "all": [{"measure": "gap_pp"}]}], "red", "第1个条件的每项"),
        ([{"light": "green", "all": [{"measure": "gdp", "is": ">", "value": "0"}]}], "red", "没有“gdp”"),
        ([{"light": "green", "all": [{"measure": "rank", "is": "~", "value": "0"}]}], "red", "“~”不是"),
        ([{"light": "green", "all": [{"measure": "rank", "is": ">", "value": 1}]}], "red", "“1”不是数"),
        ([{"light": "green", "all": [{"measure": "rank", "is": ">", "value": "١"}]}], "red", "不是数"),
        ([{"light": "green", "all": [{"measure": "rank", "is": ">", "value": "NaN"}]}], "red", "不是数"),
    ],
)
def test_conditions_that_cannot_be_judged_by(conditions, otherwise, message):
    with pytest.raises(LightRuleError, match=message):
        parse_rule(conditions, otherwise)


def test_conditions_in_words():
    rule = RULES["plan-and-city"]
    assert [condition.words for condition in rule.conditions] == [
        "同比增速低于0%",
        "与预期或目标之差不低于0个百分点，并且与全市增速之差不低于0个百分点",
    ]
    assert rule.measures == {Measure.GROWTH, Measure.EXCESS_PP, Measure.CITY_GAP_PP}
