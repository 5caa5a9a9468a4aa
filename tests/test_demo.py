"""Demo data: what the declaration generates, where it may be loaded, and that every page says so."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections import Counter
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pgtrigger
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from indicators import calculations
from indicators.actions import judge_unjudged
from indicators.demo import Invented, Series, annual_target, generate, read_series
from indicators.demo.generating import citywide
from indicators.models import Entry, Indicator, Observation, Rank, Source, Submission, Target, Transition, Vintage
from indicators.rows import scorecard
from lvyuan.accounts.loading import FixtureError, Folder, Row
from lvyuan.accounts.models import User
from lvyuan.audit.models import Event
from lvyuan.periods import Period, PeriodKind, has_slot
from tests.conftest import HOME
from tests.test_article_fixtures import edit, state
from tests.test_pages import FILES, PAGES, get, world  # noqa: F401 - a fixture

FIXTURES = Path(project.BASE_DIR) / "fixtures"
DISTRICTS = ["220102", "220103", "220104", "220105", "220106"]
SPAN = {"first": Period.month(2021, 1), "last": Period.month(2023, 12), "reference": Period.month(2023, 6)}
BANNER = "演示数据（非真实数据，仅供试用）"


# The shipped declaration


def shipped() -> list[tuple[Indicator, Series]]:
    """Every declared series with its (unsaved) indicator."""
    indicators = {}
    for folder in ("article", "demo"):
        content = json.loads((FIXTURES / folder / "indicators.json").read_text(encoding="utf-8"))
        for said in content["indicators"]:
            fields = {name: said[name] for name in ("code", "name", "nature", "direction", "calendar", "primary_kind")}
            indicators[said["code"]] = Indicator(**fields)
    found = []
    for row in Folder(FIXTURES / "demo").rows("demo.json", "series"):
        indicator = indicators[row.text("indicator")]
        found.append((indicator, read_series(row, indicator, DISTRICTS)))
    return found


SHIPPED = shipped()
STATES = {series.code: generate(series) for _, series in SHIPPED}
# As they stand in the end, without the states before.
FIGURES = {code: list({(f.district, f.period): f for f in states}.values()) for code, states in STATES.items()}
SERIES = {series.code: series for _, series in SHIPPED}
each_series = pytest.mark.parametrize(("indicator", "series"), SHIPPED, ids=list(FIGURES))


def by_district(figures: list[Invented]) -> dict[str, list[Invented]]:
    return {district: [f for f in figures if f.district == district] for district in DISTRICTS}


def test_headline_indicators_of_the_article_have_demo_figures():
    content = json.loads((FIXTURES / "article" / "indicators.json").read_text(encoding="utf-8"))
    headline = {said["code"] for said in content["indicators"] if said["is_headline"]}
    assert headline <= SERIES.keys()


def test_five_districts_sixty_indicators_sixty_months():
    """Issue 4, Done when 2."""
    assert len(SHIPPED) == len(SERIES) == 60
    every = [figure for figures in FIGURES.values() for figure in figures]
    assert {figure.district for figure in every} == set(DISTRICTS)
    assert {figure.district for code in FIGURES for figure in FIGURES[code] if len(by_district(FIGURES[code])) == 5}
    months = {(figure.period.year_no, figure.period.month_no) for figure in every}
    assert (min(months), max(months), len(months)) == ((2020, 11), (2025, 10), 60)
    assert 12_000 < len(every) < 15_000


def test_every_kind_of_indicator_is_there():
    calendars = Counter(indicator.calendar for indicator, _ in SHIPPED)
    assert calendars == {
        "monthly": 25, "from_february": 16, "quarterly": 10, "yearly": 7, "irregular": 2,
    }  # fmt: skip
    assert {indicator.nature for indicator, _ in SHIPPED} == {"flow", "stock", "ratio"}
    directions = Counter(indicator.direction for indicator, _ in SHIPPED)
    assert (directions["down"], directions["range"], directions["none"]) == (6, 1, 2)
    units = {row.unit("unit") for row in Folder(FIXTURES / "demo").rows("demo.json", "series")}
    assert units >= {"亿元", "万元", "元", "人", "万人", "户", "万户", "%", "平方公里", "件", "微克/立方米"}


@each_series
def test_same_declaration_gives_the_same_figures(indicator, series):
    assert generate(series) == STATES[series.code]


def test_figures_are_the_same_on_every_machine():
    """Some of them, as they came out first: a change here changes every demo database."""
    found = {f.period.code: (str(f.value), str(f.growth), f.place) for f in by_district(FIGURES["gdp"])[HOME]}
    assert found["2022-09.ytd"] == ("213.99", "-0.9", 3)
    assert found["2023-12.ytd"] == ("335.84", "11.0", 1)
    (capital,) = at("domestic_capital", HOME, "2025-10")
    assert (str(capital.value), str(capital.growth), capital.place) == ("64.84", "17.7", 1)


@each_series
def test_figures_lie_in_the_indicators_calendar(indicator, series):
    figures = FIGURES[series.code]
    assert {f.period.kind for f in figures} == {PeriodKind(indicator.primary_kind)}
    spans = {"monthly": 60, "from_february": 2 + 4 * 11 + 9, "quarterly": 20, "yearly": 5, "irregular": 20}
    assert len(figures) == 5 * spans[indicator.calendar] - len(series.missing)
    if indicator.slots:
        assert all(has_slot(indicator.slots, f.period) for f in figures)
    if indicator.calendar == "from_february":
        assert 1 not in {f.period.month_no for f in figures}
    if series.code == "gdp":
        assert {f.period.month_no for f in figures} == {3, 6, 9, 12}


@each_series
def test_cumulative_figures_grow_within_the_year(indicator, series):
    if indicator.nature != "flow":
        assert all(f.value > 0 for f in FIGURES[series.code])
        return
    for figures in by_district(FIGURES[series.code]).values():
        for before, after in pairwise(figures):
            grown = abs(after.value) > abs(before.value) and (after.value < 0) == (before.value < 0)
            assert grown or after.period.year_no > before.period.year_no


@each_series
def test_figures_are_exact_decimals_with_the_declared_places(indicator, series):
    for figure in FIGURES[series.code]:
        assert type(figure.value) is Decimal
        assert -figure.value.as_tuple().exponent == series.places
        assert figure.growth is None or -figure.growth.as_tuple().exponent == 1


@each_series
def test_growth_is_against_the_year_before(indicator, series):
    for figures in by_district(FIGURES[series.code]).values():
        values = {(f.period.year_no, f.period.month_no): f.value for f in figures}
        for figure in figures:
            year, month = figure.period.year_no, figure.period.month_no
            base = values.get((year - 1, month))
            if indicator.nature == "ratio" or year == 2020 or figure.value < 0 or (base is not None and base < 0):
                assert figure.growth is None
            elif base is None:  # 2021, or a month missing a year ago: published, though its base is not
                assert figure.growth is not None
            elif not (series.break_from and year == 2024):
                exact = calculations.nominal_growth_percent(figure.value, base)
                exact = ((100 + exact) / (100 + series.prices.get(year, 0)) - 1) * 100
                assert abs(figure.growth - exact) <= Decimal("0.05")


@each_series
def test_places_are_those_of_the_growth_among_the_five(indicator, series):
    slots: dict[Period, list[Invented]] = {}
    for figure in FIGURES[series.code]:
        slots.setdefault(figure.period, []).append(figure)
    sign = {"up": 1, "down": -1}.get(indicator.direction)
    for period, figures in slots.items():
        measured = [f.value if indicator.nature == "ratio" else f.growth for f in figures]
        if sign is None or len(measured) < 5 or None in measured:
            assert {figure.place for figure in figures} == {None}
            continue
        for figure, own in zip(figures, measured, strict=True):
            if (figure.district, (period.year_no, period.month_no)) not in series.reported_places:
                assert figure.place == 1 + sum(other * sign > own * sign for other in measured)
                assert 1 <= figure.place <= 5


@each_series
def test_reference_month_stands_as_declared(indicator, series):
    declared = [f for f in FIGURES[series.code] if f.period.end == series.reference.end]
    assert all(f.value == series.levels[f.district] for f in declared)
    assert declared or indicator.calendar == "yearly"


def test_series_meet_the_articles_figures_without_a_fall():
    """1—6月 223.7 and 30.82 亿元 are the article's; the invented months around them must leave room."""
    found = {series.code: by_district(FIGURES[series.code])[HOME] for _, series in SHIPPED}
    for code, printed in (("industrial_output", "223.7"), ("domestic_capital", "30.82")):
        around = {f.period.month_no: f.value for f in found[code] if f.period.year_no == 2023}
        assert around[5] < Decimal(printed) < around[7]


@each_series
def test_annual_targets_lie_near_what_the_year_becomes(indicator, series):
    december = {f.period.year_no: f.value for f in by_district(FIGURES[series.code])[HOME] if f.period.month_no == 12}
    for year, level in december.items():
        if level > 0:
            assert Decimal("0.9") < level / annual_target(series, HOME, year) < Decimal("1.1")


# What is odd about some of them


def at(code: str, district: str, month: str) -> list[Invented]:
    """All states of one figure."""
    end = Period.from_code(f"{month}.month").end
    return [f for f in STATES[code] if f.district == district and f.period.end == end]


def test_gross_product_is_revised_twice():
    """快报 → 5 months later 初步核算 → 14 months later 最终核实; what is not known by 2025-11 is not there."""
    told = {month: [f.stage.status for f in at("gdp", HOME, month)] for month in ("2024-06", "2024-09", "2025-03")}
    assert told == {
        "2024-06": ["flash", "preliminary", "final"],
        "2024-09": ["flash", "preliminary"],
        "2025-03": ["flash", "preliminary"],
    }
    assert [f.stage.status for f in at("gdp", HOME, "2025-09")] == ["flash"]
    flash, preliminary, final = (f.value for f in at("gdp", HOME, "2024-06"))
    assert len({flash, preliminary, final}) == 3
    assert abs(flash / final - 1) <= Decimal("0.0081")
    assert abs(preliminary / final - 1) <= Decimal("0.0041")


def test_published_growth_of_the_gross_product_is_real():
    """2024 at constant prices: 366.86 against 335.84 is +9.24 %, and prices fell by 0.6 %: 109.24 / 99.4."""
    (flash, preliminary) = at("gdp", HOME, "2024-12")
    assert (str(at("gdp", HOME, "2023-12")[-1].value), str(preliminary.value)) == ("335.84", "366.86")
    assert preliminary.growth == Decimal("9.9")
    assert flash.value != preliminary.value


def test_new_definition_breaks_the_level_and_not_the_growth():
    """From 2024 the definition measures 0.84 of what it did; published growth compares like with like."""
    before, after = at("demo_private_investment", HOME, "2023-12")[0], at("demo_private_investment", HOME, "2024-12")[0]
    assert (str(before.value), str(after.value), str(after.growth)) == ("98.43", "86.40", "4.5")
    nominal = calculations.nominal_growth_percent(after.value, before.value)
    assert nominal < -12  # 86.40 / 98.43
    assert abs(after.value / Decimal("0.84") / before.value - Decimal("1.045")) < Decimal("0.001")


def test_reported_place_disagrees_with_the_growth():
    """New retail sales: 6.9 % is the highest of the five, reported as second."""
    growth = {f.district: (f.growth, f.place) for d in DISTRICTS for f in at("demo_retail_sales", d, "2025-10")}
    assert growth[HOME] == (max(rate for rate, _ in growth.values()), 2)
    assert growth["220104"] == (Decimal("6.8"), 2)


def test_loss_turns_into_profit():
    """No growth is said where either year is a loss, and nobody is ranked then."""
    found = {
        year: at("demo_industrial_profit", HOME, f"{year}-10")[0]
        for year in (2022, 2023, 2024, 2025)
    }  # fmt: skip
    assert [figure.value > 0 for figure in found.values()] == [True, False, False, True]
    assert [figure.growth is None for figure in found.values()] == [False, True, True, True]
    assert {at("demo_industrial_profit", d, "2025-10")[0].place for d in DISTRICTS} == {None}


def test_real_estate_investment_falls_every_year():
    december = [at("demo_real_estate_investment", HOME, f"{year}-12")[0] for year in (2021, 2022, 2023, 2024)]
    assert all(figure.growth < 0 for figure in december)
    assert at("demo_real_estate_investment", HOME, "2025-09")[0].growth < 0


def test_missing_months_leave_a_gap_and_no_places():
    assert at("demo_foreign_trade", HOME, "2025-08") == []
    assert [f.place for d in DISTRICTS for f in at("demo_foreign_trade", d, "2025-08")] == [None] * 4
    assert [f.place for d in DISTRICTS for f in at("demo_exports", d, "2025-10")] == [None] * 4
    assert None not in [f.place for d in DISTRICTS for f in at("demo_exports", d, "2025-06")]


def test_lower_is_better_where_it_is():
    found = [f for d in DISTRICTS for f in at("demo_pm25", d, "2025-10")]
    assert [f.place for f in found] == [1 + sum(other.value < f.value for other in found) for f in found]
    assert {f.place for d in DISTRICTS for f in at("demo_cpi", d, "2025-10")} == {None}


def test_city_has_growth_alone():
    gdp = SERIES["gdp"]
    city = citywide(gdp, "220100", {year: (Decimal(5), Decimal(5)) for year in range(2021, 2026)})
    assert {f.district for f in city} == {"220100"}
    assert {f.place for f in city} == {None}
    assert Counter(f.period.year_no for f in city) == {2021: 4, 2022: 4, 2023: 4, 2024: 4, 2025: 3}


def test_annual_targets_by_hand():
    """A target lies 28 to 32 % above what 2025 turns out to be for housing sales, 6 to 8 % below for industry."""
    assert str(annual_target(SERIES["housing_sales_area"], HOME, 2025)) == "59.0"
    assert str(annual_target(SERIES["industrial_output"], HOME, 2025)) == "569.1"


# The generator


def flow(**changes: object) -> Series:
    fields = {
        "code": "flow",
        "nature": "flow",
        "kind": PeriodKind.YTD,
        "months": (3, 6, 9, 12),
        "places": 0,
        "seed": "test",
        "levels": {"a": Decimal(1000), "b": Decimal(500), "c": Decimal(70)},
        "growth": {(2022, ""): (Decimal(1), Decimal(9)), (2023, ""): (Decimal(1), Decimal(9))},
        "season": (Decimal(1),) * 12,
        "noise": 0,
    }
    return Series(**{**fields, **SPAN, **changes})  # type: ignore[arg-type]


def values(series: Series, district: str = "a") -> dict[str, Decimal]:
    return {f.period.code: f.value for f in generate(series) if f.district == district}


def test_flow_without_noise_by_hand():
    """10 % a year and even months: half of 1100 by June 2022, of 1210 by June 2023; 1000 a year in 2021."""
    tenth = (Decimal(10), Decimal(10))
    series = flow(levels={"a": Decimal(605)}, growth={(2022, ""): tenth, (2023, ""): tenth})
    found = values(series)
    assert [found[f"{year}-{month}.ytd"] for year in (2021, 2022, 2023) for month in ("03", "06", "12")] == [
        250, 500, 1000, 275, 550, 1100, 303, 605, 1210,
    ]  # fmt: skip
    assert {f.growth for f in generate(series) if f.period.code == "2022-06.ytd"} == {Decimal("10.0")}


def test_stock_without_noise_by_hand():
    """From 1000 at the end of 2021 to 1100 at the end of 2022: 1050 in June."""
    tenth = (Decimal(10), Decimal(10))
    series = flow(
        nature="stock",
        kind=PeriodKind.INSTANT,
        months=(6, 12),
        first=Period.month(2022, 1),
        last=Period.month(2022, 12),
        reference=Period.month(2022, 12),
        levels={"a": Decimal(1100)},
        growth={(2022, ""): tenth},
    )
    assert values(series) == {"2022-06-30.instant": 1050, "2022-12-31.instant": 1100}


def test_ties_share_a_place_and_the_next_is_skipped():
    low, high = (Decimal(2), Decimal(2)), (Decimal(5), Decimal(5))
    growth = {(2022, ""): high, (2023, ""): high, (2022, "c"): low, (2023, "c"): low}
    last = generate(flow(levels=dict.fromkeys("abc", Decimal(10000)), growth=growth))[-3:]
    assert [(f.district, f.place) for f in last] == [("a", 1), ("b", 1), ("c", 3)]


def test_real_figures_are_left_out_and_nobody_is_ranked_beside_them():
    real = ("b", Period.ytd(2023, 6))
    full, thinned = generate(flow()), generate(flow(), {real})
    assert [f for f in full if (f.district, f.period) not in {(d, real[1]) for d in "abc"}] == [
        f for f in thinned if f.period != real[1]
    ]
    assert [(f.district, f.place) for f in thinned if f.period == real[1]] == [("a", None), ("c", None)]


def test_other_dice_other_figures_but_only_there():
    noisy = flow(noise=100)
    assert generate(noisy) != generate(flow(noise=100, seed="other"))
    assert generate(noisy) != generate(flow(noise=100, code="other"))
    fewer = flow(noise=100, levels={"a": Decimal(1000)})
    assert values(fewer) == values(noisy)
    longer = flow(noise=100, last=Period.month(2024, 3), growth={**noisy.growth, (2024, ""): (Decimal(1), Decimal(2))})
    assert values(noisy).items() <= values(longer).items()


def entry(**changes: object) -> Row:
    data = {
        "from": "2021-01", "to": "2023-12", "reference": "2023-06", "seed": "s", "decimals": "1", "noise": "0",
        "season": ["1"] * 12, "levels": dict.fromkeys(DISTRICTS, "10"),
        "growth": {"2022": "1~2", "2023": "1~2"},
    }  # fmt: skip
    return Row("demo.json", "series 第1条", {**data, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reference": "2024-01"}, "reference：应在 from 与 to 之间"),
        ({"from": "2021"}, "from：应写成 年-月"),
        ({"season": ["1"] * 11}, "season：应为12个正数"),
        ({"season": ["1"] * 11 + ["x"]}, "season：应为数字列表"),
        ({"noise": "501"}, "noise：不得超过500‰"),
        ({"levels": dict.fromkeys(DISTRICTS[:4], "10")}, "levels.220106：应为正数"),
        ({"levels": dict.fromkeys([*DISTRICTS, "220107"], "10")}, "levels.220107：不认识的字段"),
        ({"growth": {"2022": "1~2"}}, "缺少2023年各区的增速范围"),
        ({"growth": {"2022": "3~2"}}, r"growth\.2022：应由低到高，且不低于-90"),
        ({"growth": {"2022": "-95~2"}}, "不低于-90"),
        ({"growth": {"22": "1~2"}}, "应写成 年份：最低~最高"),
        ({"growth": {"2022": "1.25~2"}}, "应写成 年份：最低~最高"),
        ({"growth": "1~2"}, "growth：应为一个条目"),
        ({"growth_of": {"x": {"2022": "1~2"}}}, "growth_of.x：不认识的字段"),
        ({"index": {"2022": "50~60"}}, "index：缺少2021年"),
        ({"break": {"from": "2022", "factor": "0.9"}}, "应写成 年-月"),
        ({"break": {"from": "2022-01", "times": "2"}}, "break.times：不认识的字段"),
        ({"missing": {"x": ["2022-01"]}}, "missing.x：不是位次范围的成员"),
        ({"missing": {"220106": ["2022"]}}, "应写成 年-月"),
        ({"reported_places": {"220106": {"2022-01": "6"}}}, "位次应在1至5之间"),
        ({"revisions": {"final": "3", "preliminary": "1"}}, "revisions.preliminary：应为数据状态和首次公布后的月数"),
        ({"revisions": {"flash": "1"}}, "revisions.flash：应为数据状态"),
    ],
)
def test_broken_declaration_is_named(changes, said):
    indicator = Indicator(code="x", name="x", nature="flow", calendar="monthly", primary_kind="ytd")
    with pytest.raises(FixtureError, match=said):
        read_series(entry(**changes), indicator, DISTRICTS)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"nature": "text", "calendar": "monthly", "primary_kind": "ytd"}, "不能为“x”生成演示数据"),
        ({"nature": "flow", "calendar": "irregular", "primary_kind": "window"}, "不能为“x”生成演示数据"),
        ({"nature": "stock", "calendar": "irregular", "primary_kind": "instant"}, "months：应为从小到大的月份"),
    ],
)
def test_indicators_that_cannot_be_invented(fields, said):
    with pytest.raises(FixtureError, match=said):
        read_series(entry(), Indicator(code="x", name="x", **fields), DISTRICTS)


# Loading


@pytest.fixture
def small(settings, tmp_path) -> Path:
    """A project whose demo data is three series of fourteen months; gives its fixtures/demo."""
    settings.BASE_DIR = tmp_path
    for name in ("article", "demo"):
        shutil.copytree(FIXTURES / name, tmp_path / "fixtures" / name)
    demo = tmp_path / "fixtures" / "demo"
    (demo / "forms.json").unlink()  # its rounds are of months that these series do not reach

    def shorten(content):
        kept = ("demo_loans", "industrial_output", "private_enterprises")
        content["series"] = [said for said in content["series"] if said["indicator"] in kept]
        content["defaults"] |= {"from": "2022-06", "to": "2023-07"}
        content["series"].sort(key=lambda said: said["indicator"])

    edit(demo, "demo.json", shorten)
    return demo


@pytest.fixture
def empty(db) -> None:
    """The test database without any figure."""
    models = ("Vintage", "Rank", "PrintedComparison", "Release", "LightResult")
    with pgtrigger.ignore(*(f"indicators.{model}:refuse_change" for model in models)), connection.cursor() as cursor:
        for table in ("lightresult", "release", "printedcomparison", "rank"):
            cursor.execute(f"DELETE FROM indicators_{table}")
        cursor.execute("UPDATE indicators_observation SET current_id = NULL")
        cursor.execute("DELETE FROM indicators_vintage")
        cursor.execute("DELETE FROM indicators_observation")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def load_demo() -> str:
    out = StringIO()
    call_command("load_fixtures", "--demo", stdout=out)
    return out.getvalue()


def test_demo_figures_are_first_vintages_and_loaded_once(settings, empty, small, cast):
    settings.DEMO = True
    load_demo()
    invented = Vintage.objects.filter(source__kind="demo").select_related("observation__indicator")
    # loans: 14 month ends, industry: 13 months, enterprises: 5 quarter ends, of five districts; one is the article's.
    # The city's growth of industry: from 2023 on, the first year having no base: 6 months.
    assert invented.count() == 5 * (14 + 13 + 5) - 1 + 6
    said = {(v.number, v.status, v.locator, v.entered_by, v.approved_by, v.entry) for v in invented}
    assert said == {(1, "flash", "演示", None, None, None)}
    assert all(v.observation.current_id == v.pk for v in invented)
    assert {v.growth_basis for v in invented if v.growth is not None} == {"unstated"}
    city = invented.filter(district__code="220100")
    assert {(v.value, v.null_reason, v.observation.period.year_no) for v in city} == {(None, "not_published", 2023)}
    assert {v.growth_basis for v in invented if v.growth is None} == {""}
    places = Rank.objects.filter(vintage__in=invented)
    assert {(r.by, r.pool_size, r.pool.code) for r in places.select_related("pool")} == {
        ("growth", 5, "five-urban-districts")
    }
    event = Event.objects.about(invented[0]).get()
    assert (event.origin, event.reason) == ("load_fixtures demo", "装载数据文件 demo")
    targets = Target.objects.filter(source__kind="demo", kind="year")
    assert {(t.district.code, t.kind, t.measure, t.path) for t in targets} == {(HOME, "year", "value", "linear")}
    assert {t.period.code for t in targets} == {"2023-12.year"}  # 2022 is not whole
    row = scorecard(district=HOME, period=Period.month(2023, 7), user=cast.leader).by_code["industrial_output"]
    assert (row.vintage.source_kind, row.unit, row.slot_value.is_derived) == ("演示数据", "亿元", True)
    assert row.slot_value.value == row.value.value - Decimal("223.7")  # the article's 1—6月
    assert row.target.text.endswith("亿元")
    before = state()
    assert all(re.fullmatch(r"数据文件 \S+：未变 [0-9]+ 条。", line) for line in load_demo().splitlines())
    assert state() == before


def test_the_articles_figures_stay_and_the_real_run_is_refused(settings, empty, small):
    settings.DEMO = True
    load_demo()
    real = Vintage.objects.exclude(source__kind="demo").select_related("observation", "source")
    assert real.count() == 34
    assert {(v.source.kind, v.number, v.observation.vintages.count()) for v in real} == {("newspaper", 1, 1)}
    june = Observation.objects.filter(indicator__code="industrial_output", period_end="2023-06-30")
    assert {(o.district.code, o.current.source.kind) for o in june} == {
        (district, "newspaper" if district == HOME else "demo") for district in [*DISTRICTS, "220100"]
    }
    assert not Rank.objects.filter(vintage__observation__in=june, vintage__source__kind="demo").exists()
    assert "已启用演示环境" in refused()
    settings.DEMO = False
    assert "这个数据库里有演示数据" in refused()


def test_changed_declaration_gives_new_vintages(settings, empty, small):
    settings.DEMO = True
    load_demo()
    edit(small, "demo.json", lambda content: content["series"][2]["levels"].update({"220102": "5.20"}))
    assert "数据版本：新增 5" in load_demo()
    changed = Vintage.objects.filter(number=2).select_related("observation")
    assert {v.observation.key.rpartition("/")[0] for v in changed} == {"private_enterprises/220102"}
    assert {v.reason.partition("：")[0] for v in changed} == {"数据文件有更正"}
    assert all(v.observation.current_id == v.pk for v in changed)


def test_what_people_report_in_the_demo_stays(settings, empty, small, cast):
    """Trying out the main job must not keep `make demo` from starting again."""
    settings.DEMO = True
    load_demo()
    mine = Observation.objects.get(indicator__code="industrial_output", district__code=HOME, period_end="2023-07-31")
    reported = Vintage.objects.create(
        observation=mine,
        number=2,
        version=mine.current.version,
        value=Decimal("254.1"),
        unit="亿元",
        source=Source.objects.create(code="form-gxj", kind="form", title="工信局填报"),
        known_from=mine.current.known_from,
        entered_by=cast.staff,
        approved_by=cast.reviewer,
        reason="核实",
    )
    Observation.objects.filter(pk=mine.pk).update(current=reported)
    judge_unjudged(by=None, reason="")  # as an approval does
    before = state()
    load_demo()
    assert state() == before


def test_shipped_demo_data_loads(settings, empty):
    settings.DEMO = True
    told = load_demo()
    invented = Vintage.objects.filter(source__kind="demo")
    assert f"数据版本：新增 {invented.filter(entry=None).count()}" in told
    demo_only = Indicator.objects.filter(code__startswith="demo_")
    assert demo_only.count() == 49
    assert all(indicator.name.endswith("（演示）") for indicator in demo_only)
    with_figures = invented.exclude(district__code="220100").values("observation__indicator")
    assert with_figures.distinct().count() == 60
    for code, text in (("gdp-2025", "303.65"), ("population-80", "65.18"), ("built-up-area-80", "55.75")):
        target = Target.objects.in_force().get(code=code)
        assert (target.version, str(target.baseline_value), target.baseline_on.isoformat()) == (2, text, "2022-12-31")
        first = Target.objects.get(code=code, version=1)
        assert (target.value, target.unit, target.period) == (first.value, first.unit, first.period)
        baseline = Observation.objects.get(
            indicator=target.indicator, district=target.district, period_end="2022-12-31"
        ).current
        assert str(baseline.value) == text
    states = invented.filter(
        observation__indicator__code="gdp", district__code=HOME, observation__period_end="2024-06-30"
    ).order_by("number")
    assert [(v.status, v.known_from.date().isoformat(), v.reason) for v in states] == [
        ("flash", "2024-07-20", ""),
        ("preliminary", "2024-12-20", "初步核算（演示）"),
        ("final", "2025-09-20", "最终核实（演示）"),
    ]
    assert {state.observation.current_id for state in states} == {states[2].pk}
    changed = Target.objects.get(code="demo-demo_fixed_investment-2025", version=2)
    assert (str(changed.value), bool(changed.reason), bool(changed.authority)) == ("218.0", True, True)
    breaks = Indicator.objects.get(code="demo_private_investment").versions.values_list("valid_from", flat=True)
    assert [day.isoformat() for day in breaks] == ["2020-01-01", "2024-01-01"]
    expected = Target.objects.filter(kind="expectation", source__kind="demo", indicator__code="gdp")
    assert [target.period.code for target in expected.order_by("period_end")] == [
        "2025-03.ytd", "2025-06.ytd", "2025-09.ytd",
    ]  # fmt: skip
    paths = set(Target.objects.filter(kind="year").values_list("path", flat=True))
    assert paths == {"linear", "seasonal", "plan", "none"}
    plan = Target.objects.get(code="demo-demo_renovated_homes-2025")
    points = list(plan.points.values_list("due_on", "value"))
    assert [day.month for day, _ in points] == [3, 6, 9, 12]
    assert points[-1][1] == plan.value
    # 10.5 of 100 by the weights of March: 2.0, 3.0, 5.5
    assert abs(points[0][1] / plan.value - Decimal("0.105")) < Decimal("0.0002")
    ceiling = Target.objects.get(code="demo-demo_pm25-2025")
    assert (ceiling.direction, ceiling.comparator) == ("down", "<=")
    prices = Target.objects.get(code="demo-demo_cpi-2025")
    assert (prices.direction, str(prices.value), str(prices.upper)) == ("range", "99.0", "102.0")
    income = Target.objects.get(code="demo-demo_household_income-2025-relation")
    assert (income.direction, income.compared_with.code, income.value) == ("relation", "gdp", None)
    forms = Submission.objects.filter(round__code="2025-10").select_related("department", "round")
    others = {form.department.code: form.state for form in forms if form.state != "approved"}
    assert others == {"zjj": "not_started", "zwj": "draft", "scj": "submitted", "rsj": "returned"}
    assert forms.count() > 10
    assert set(Submission.objects.filter(round__code="2025-09").values_list("state", flat=True)) == {"approved"}
    an_hour_later = timezone.now() + dt.timedelta(hours=1)
    late = {form.department.code for form in forms if form.is_overdue(an_hour_later)}
    assert late == {"zjj", "zwj", "rsj"}
    returned = Transition.objects.get(to_state="returned", submission__round__code="2025-10")
    assert returned.reason.startswith("城镇新增就业人数与实名制台账不一致")
    assert Entry.objects.exclude(note="").filter(submission__state="approved").exists()
    # Confirmed figures say what they said, from the demo source; what is not approved is no figure.
    confirmed = invented.filter(entry__isnull=False).select_related("observation")
    assert confirmed.exists()
    for vintage in confirmed:
        first = vintage.observation.vintages.order_by("number")[0]
        assert (vintage.value, vintage.growth) == (first.value, first.growth)
        assert vintage.entered_by.name.endswith("（演示）")
    assert not Vintage.objects.filter(source__kind="form").exists()
    assert not Observation.objects.filter(
        indicator__code="housing_sales_area", district__code=HOME, period_end="2025-10-31"
    ).exists()
    assert not any(person.has_usable_password() for person in User.objects.filter(username__startswith="demo-"))
    before = state()
    again = load_demo()
    assert all(re.fullmatch(r"数据文件 \S+：未变 [0-9]+ 条。", line) for line in again.splitlines())
    assert state() == before


# Where it may be loaded


def refused(*arguments: str) -> str:
    before = state()
    with pytest.raises(CommandError) as error:
        call_command("load_fixtures", *arguments, stdout=StringIO())
    assert error.value.returncode == 1
    assert state() == before
    assert "没有写入任何数据" in str(error.value)
    return str(error.value)


def test_demo_data_is_refused_outside_the_demo(db, small):
    assert "没有启用演示环境" in refused("--demo")


def test_demo_data_is_refused_by_a_database_in_use(settings, db, small):
    settings.DEMO = True
    assert "这个数据库已用于正式数据（34 条）" in refused("--demo")
    Source.objects.create(code="x", kind="demo", title="误建的来源")  # such a source alone makes no demo database
    assert "这个数据库已用于正式数据" in refused("--demo")


def test_figures_before_the_definition_are_refused(settings, empty, small):
    settings.DEMO = True

    def begin_too_early(content):
        content["defaults"]["from"] = "2019-06"
        content["series"] = [said for said in content["series"] if said["indicator"] == "industrial_output"]
        content["series"][0]["growth"] |= {"2020": "1~2", "2021": "1~2"}
        content["series"][0]["city_growth"] = {}

    edit(small, "demo.json", begin_too_early)
    assert "demo.json：“规模以上工业总产值”在2019年1—6月没有生效的口径" in refused("--demo")


def test_demo_files_are_no_ordinary_fixtures(db, small):
    assert "demo.json：不认识的数据文件" in refused(str(small))
    (small / "demo.json").unlink()
    assert "这个数据库里有演示数据" in refused(str(small))


def test_default_database_holds_nothing_invented(db):
    assert not project.DEMO
    assert {source.kind for source in Source.objects.all()} == {"newspaper"}
    assert not Indicator.objects.filter(name__endswith="（演示）").exists()
    assert not Target.objects.filter(name__endswith="（演示）").exists()
    assert Vintage.objects.count() == 34


# Every page says so

SHOWN = [
    name for name in PAGES if name not in ("home", *FILES, "lines-feedback", "headline-charts")
]  # a redirect, files, two fragments
ADMIN = [
    "/admin/",
    "/admin/indicators/indicator/",
    "/admin/indicators/indicator/add/",
    "/admin/indicators/indicator/add/?_popup=1",
    "/admin/indicators/vintage/",
]


@pytest.mark.parametrize("name", SHOWN)
def test_every_page_says_demo_data(settings, signed_in, world, name):  # noqa: F811
    path, expected = PAGES[name]
    client = signed_in(next(role for role, status in expected.items() if status == 200))
    for demo in (False, True):
        settings.DEMO = demo
        assert get(client, path.format(**world)).content.decode().count(BANNER) == demo


@pytest.mark.parametrize("path", ADMIN)
def test_definitions_site_says_demo_data(settings, signed_in, path):
    client = signed_in("admin")
    for demo in (False, True):
        settings.DEMO = demo
        assert client.get(path).content.decode().count(BANNER) == demo


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_sign_in_says_demo_data(settings, db, client, path):
    settings.DEMO = True
    assert BANNER in client.get(path, follow=True).content.decode()


def test_errors_say_demo_data(settings, signed_in, client, rf, monkeypatch):
    settings.DEMO = True
    from lvyuan.ui import views

    leader = signed_in("leader")
    for path, status in (("/nowhere/", 404), ("/cockpit/?period=abc", 404), ("/reviews/", 403)):
        response = leader.get(path)
        assert (response.status_code, BANNER in response.content.decode()) == (status, True)
    too_large = leader.post("/imports/new/", b"", content_type="text/plain", CONTENT_LENGTH=10**10)
    assert (too_large.status_code, BANNER in too_large.content.decode()) == (413, True)
    for view, status in ((views.server_error, 500), (views.bad_request, 400), (views.csrf_failure, 403)):
        response = view(rf.get("/cockpit/"))
        assert (response.status_code, BANNER in response.content.decode()) == (status, True)


def test_locked_sign_in_says_demo_data(settings, cast, client):
    settings.DEMO = True
    for _ in range(5):
        response = client.post("/accounts/login/", {"username": cast.staff.username, "password": "wrong"})
    assert (response.status_code, BANNER in response.content.decode()) == (429, True)


def test_banner_is_not_hidden_on_paper():
    css = (Path(project.BASE_DIR) / "lvyuan/ui/static/ui/app.css").read_text(encoding="utf-8")
    hidden = [line for line in css.splitlines() if "display: none" in line and ".demo" in line]
    assert not hidden
    assert f'content: "{BANNER}"' in css
