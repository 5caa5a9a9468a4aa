"""Demo data: what the declaration generates, where it may be loaded, and that every page says so."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pgtrigger
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import connection

from indicators import calculations
from indicators.actions import judge_unjudged
from indicators.demo import Invented, Series, annual_target, generate, read_series
from indicators.models import Indicator, Observation, Rank, Source, Target, Vintage
from indicators.rows import scorecard
from lvyuan.accounts.loading import FixtureError, Folder, Row
from lvyuan.audit.models import Event
from lvyuan.periods import Period, PeriodKind, has_slot
from tests.conftest import HOME
from tests.test_article_fixtures import edit, state
from tests.test_pages import PAGES, get, world  # noqa: F401 - a fixture

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
            fields = {name: said[name] for name in ("code", "name", "nature", "calendar", "primary_kind")}
            indicators[said["code"]] = Indicator(**fields)
    found = []
    for row in Folder(FIXTURES / "demo").rows("demo.json", "series"):
        indicator = indicators[row.text("indicator")]
        found.append((indicator, read_series(row, indicator, DISTRICTS)))
    return found


SHIPPED = shipped()
FIGURES = {series.code: generate(series) for _, series in SHIPPED}
each_series = pytest.mark.parametrize(("indicator", "series"), SHIPPED, ids=list(FIGURES))


def by_district(figures: list[Invented]) -> dict[str, list[Invented]]:
    return {district: [f for f in figures if f.district == district] for district in DISTRICTS}


def test_headline_indicators_of_the_article_have_demo_figures():
    content = json.loads((FIXTURES / "article" / "indicators.json").read_text(encoding="utf-8"))
    headline = {said["code"] for said in content["indicators"] if said["is_headline"]}
    assert headline <= {series.code for _, series in SHIPPED}
    assert 2000 < sum(map(len, FIGURES.values())) < 3000


@each_series
def test_same_declaration_gives_the_same_figures(indicator, series):
    assert generate(series) == FIGURES[series.code]


def test_figures_are_the_same_on_every_machine():
    """Two of them, as they came out first: a change here changes every demo database."""
    found = {f.period.code: (str(f.value), str(f.growth), f.place) for f in by_district(FIGURES["gdp"])[HOME]}
    assert found["2022-09.ytd"] == ("213.99", "0.4", 3)
    assert found["2023-12.ytd"] == ("335.84", "10.6", 1)


@each_series
def test_figures_lie_in_the_indicators_calendar(indicator, series):
    figures = FIGURES[series.code]
    assert {f.period.kind for f in figures} == {PeriodKind(indicator.primary_kind)}
    assert {f.period.year_no for f in figures} == {2021, 2022, 2023}
    if indicator.slots:
        assert all(has_slot(indicator.slots, f.period) for f in figures)
        assert len(figures) == 5 * 3 * len(indicator.slots)
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
            assert after.value > before.value or after.period.year_no > before.period.year_no


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
            base = values.get((figure.period.year_no - 1, figure.period.month_no))
            if indicator.nature == "ratio" or base is None:
                assert figure.growth is None
            else:
                exact = calculations.nominal_growth_percent(figure.value, base)
                assert abs(figure.growth - exact) <= Decimal("0.05")


@each_series
def test_places_are_those_of_the_growth_among_the_five(indicator, series):
    slots: dict[Period, list[Invented]] = {}
    for figure in FIGURES[series.code]:
        slots.setdefault(figure.period, []).append(figure)
    for figures in slots.values():
        measured = [f.value if indicator.nature == "ratio" else f.growth for f in figures]
        for figure, own in zip(figures, measured, strict=True):
            expected = None if own is None else 1 + sum(other > own for other in measured)
            assert figure.place == expected
            assert expected is None or 1 <= expected <= 5


@each_series
def test_reference_month_stands_as_declared(indicator, series):
    declared = [f for f in FIGURES[series.code] if f.period.end == SPAN["reference"].end]
    assert all(f.value == series.levels[f.district] for f in declared)


def test_series_meet_the_articles_figures_without_a_fall():
    """1—6月 223.7 and 30.82 亿元 are the article's; the invented months around them must leave room."""
    found = {series.code: by_district(FIGURES[series.code])[HOME] for _, series in SHIPPED}
    for code, printed in (("industrial_output", "223.7"), ("domestic_capital", "30.82")):
        around = {f.period.month_no: f.value for f in found[code] if f.period.year_no == 2023}
        assert around[5] < Decimal(printed) < around[7]


@each_series
def test_annual_targets_lie_near_what_the_year_becomes(indicator, series):
    if indicator.nature != "flow":
        return
    december = {f.period.year_no: f.value for f in by_district(FIGURES[series.code])[HOME] if f.period.month_no == 12}
    for year, level in december.items():
        assert Decimal("0.9") < level / annual_target(series, HOME, year) < Decimal("1.1")


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
        "growth": [{"year": year, "low": "1", "high": "2"} for year in ("2022", "2023")],
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
        ({"growth": [{"year": "2022", "low": "1", "high": "2"}]}, "缺少2023年各区的增速范围"),
        ({"growth": [{"year": "2022", "low": "3", "high": "2"}]}, "由低到高"),
        ({"growth": [{"year": "2022", "low": "1", "high": "2", "district": "x"}]}, "不是位次范围的成员"),
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

    def shorten(content):
        kept = ("gdp", "industrial_output", "private_enterprises")
        content["series"] = [said for said in content["series"] if said["indicator"] in kept]
        content["defaults"] |= {"from": "2022-06", "to": "2023-07"}

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
    # gdp: 5 quarters, industry: 13 months, enterprises: 5 quarter ends, of five districts; two are the article's
    assert invented.count() == 5 * (5 + 13 + 5) - 2
    said = {(v.number, v.status, v.locator, v.entered_by, v.approved_by, v.entry) for v in invented}
    assert said == {(1, "flash", "演示", None, None, None)}
    assert all(v.observation.current_id == v.pk for v in invented)
    assert {v.growth_basis for v in invented if v.growth is not None} == {"unstated"}
    assert {v.growth_basis for v in invented if v.growth is None} == {""}
    places = Rank.objects.filter(vintage__in=invented)
    assert {(r.by, r.pool_size, r.pool.code) for r in places.select_related("pool")} == {
        ("growth", 5, "five-urban-districts")
    }
    event = Event.objects.about(invented[0]).get()
    assert (event.origin, event.reason) == ("load_fixtures demo", "装载数据文件 demo")
    targets = Target.objects.filter(source__kind="demo")
    assert {(t.district.code, t.kind, t.measure, t.path) for t in targets} == {(HOME, "year", "value", "linear")}
    assert {t.period.code for t in targets} == {"2022-12.year", "2023-12.year"}
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
        (district, "newspaper" if district == HOME else "demo") for district in DISTRICTS
    }
    assert not Rank.objects.filter(vintage__observation__in=june, vintage__source__kind="demo").exists()
    assert "已启用演示环境" in refused()
    settings.DEMO = False
    assert "这个数据库里有演示数据" in refused()


def test_changed_declaration_gives_new_vintages(settings, empty, small):
    settings.DEMO = True
    load_demo()
    edit(small, "demo.json", lambda content: content["series"][0]["levels"].update({"220102": "320.00"}))
    assert "数据版本：新增 5" in load_demo()
    changed = Vintage.objects.filter(number=2).select_related("observation")
    assert {(v.observation.indicator.code, v.observation.district.code) for v in changed} == {("gdp", "220102")}
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
    assert f"数据版本：新增 {Vintage.objects.filter(source__kind='demo').count()}" in told
    demo_only = Indicator.objects.filter(code__startswith="demo_")
    assert demo_only.count() >= 4
    assert all(indicator.name.endswith("（演示）") for indicator in demo_only)


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
        del content["series"][1:]
        content["series"][0]["growth"] += [{"year": year, "low": "1", "high": "2"} for year in ("2020", "2021")]

    edit(small, "demo.json", begin_too_early)
    assert "demo.json：“地区生产总值”在2019年1—6月没有生效的口径" in refused("--demo")


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
    name for name in PAGES if name not in ("home", "evidence-detail", "lines-feedback")
]  # a redirect, a file, a fragment
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
