"""The article's figures, typed here by hand from the page and compared with what loading them gives.

The test database holds fixtures/article (tests/conftest.py).
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections import Counter
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from indicators.models import (
    Assignment,
    Indicator,
    IndicatorNode,
    IndicatorVersion,
    Observation,
    RankPool,
    Release,
    Round,
    Source,
    StrategyPlan,
    Target,
    Vintage,
)
from lvyuan.accounts.models import Department, District, User
from lvyuan.audit.context import acting
from lvyuan.audit.models import DataVersion, Event
from projects.models import KeyProject, ListMembership, Place, ProjectList, StageEvent, TaskForce

ARTICLE = Path(settings.BASE_DIR) / "fixtures" / "article"
PUBLISHED = dt.datetime(2023, 8, 3, 16, tzinfo=dt.UTC)  # 2023-08-04 00:00 in Changchun

HALF, NOW, SINCE = "2023-06.ytd", "2023-08-04.instant", "2023-08-04.window"

# fact, indicator, period, value as printed, growth as printed, rank (by, wording), comparison, lines
FIGURES = [
    ("F001", "gdp", HALF, None, "10.1%", ("growth", "增速五城区排名第一"), None, "21、25"),
    ("F002", "industrial_output", HALF, "223.7亿元", "17%", ("unstated", "五城区排名首位"), None, "31"),
    ("F003", "service_revenue", HALF, None, "27.1%", None, "超出预期17.1个百分点", "31"),
    ("F004", "housing_sales_area", HALF, None, "92.1%", None, "超出预期77.1个百分点", "31"),
    ("F005", "fiscal_revenue", HALF, None, "55.8%", ("growth", "收入增速和质量均列五城区第一"), None, "31"),
    ("F006", "fiscal_quality", HALF, None, None, ("other", "收入增速和质量均列五城区第一"), None, "31"),
    ("F007", "key_projects", NOW, "52个", None, None, None, "31"),
    ("F008", "key_projects_started", NOW, "47个", None, None, None, "31"),
    ("F009", "key_project_start_rate", NOW, "90.4%", None, None, "较近三年平均水平提高15个百分点", "31"),
    ("F010", "domestic_capital", HALF, "30.82亿元", "42.8%", None, "超出预期22.8个百分点", "31"),
    ("F011", "tax_relief", SINCE, "1.4亿元", None, None, None, "33、49"),
    ("F012", "private_enterprises", NOW, "3.7万户", "21.37%", None, None, "49"),
    ("F013", "sole_traders", NOW, "8.13万户", "15.53%", None, None, "49"),
    ("F014", "science_funds", SINCE, "450余万元", None, None, None, "49"),
    ("F015", "permit_time_cut", SINCE, "82.6%", None, None, None, "21"),
    ("F016", "service_commissioners", SINCE, "318名", None, None, None, "33"),
    ("F017", "enterprises_served", SINCE, "613家", None, None, None, "33"),
    ("F018", "requests_resolved", SINCE, "192件", None, None, None, "33"),
    ("F019", "request_resolution_rate", SINCE, "100%", None, None, None, "33"),
    ("F020", "consumption_events", HALF, "30余场次", None, None, None, "31"),
    ("F021", "committee_meetings", SINCE, "17次", None, None, None, "23"),
    ("F022", "publicity_sessions", SINCE, "240余场次", None, None, None, "23"),
    ("F023", "city_parks", NOW, "10个", None, None, None, "51"),
    ("F024", "pocket_parks", NOW, "34个", None, None, None, "51"),
    ("F025", "village_projects", SINCE, "3个", None, None, None, "51"),
    ("F026", "employment_events", SINCE, "142场", None, None, None, "53"),
    ("F027", "schools_building", NOW, "3所", None, None, None, "53"),
    ("F028", "health_records_rate", NOW, "88.75%", None, None, None, "53"),
    ("F029", "zero_employment_households", SINCE, "动态清零", None, None, None, "53"),
    ("F030", "safety_fields", SINCE, "12个", None, None, None, "55"),
    ("F031", "happy_communities", SINCE, "14个", None, None, None, "55"),
    ("F032", "residents_problems", SINCE, "272个", None, None, None, "55"),
    ("F033", "cadres_trained", SINCE, "近万人次", None, None, None, "57"),
    ("F034", "secretary_topics", SINCE, "150个", None, None, None, "57"),
]

# fact, code, indicator, node, as printed, deadline stated, lines
TARGETS = [
    ("T001", "population-80", "population", "S4.2", "80万", False, "13"),
    ("T002", "gdp-2025", "gdp", "S", "400亿元", True, "65、35、13"),
    ("T003", "built-up-area-80", "built_up_area", "S4.2", "80平方公里", False, "13"),
    ("T004", "hundred-billion-class", None, "S", "百亿级县区", False, "13、65"),
    ("T005", "beef-1000", None, "S3.2", "千亿级", False, "91"),
    ("T006", "beef-double", None, "S3.2", "翻番", False, "81"),
    ("T007", "rank-energy-image", None, "S", "位次提升、能级提升、形象提升", False, "13"),
    ("T008", "two-clusters", None, "S3.1", "两个产业集群", False, "89"),
    ("F035", "talent-plans-6", "talent_plans", "S4.5", "6个", False, "129"),
]


def read(file: str) -> dict:
    return json.loads((ARTICLE / file).read_text(encoding="utf-8"))


def vintages():
    return Vintage.objects.select_related("observation__indicator", "observation__district", "source").order_by(
        "observation__indicator__order"
    )


def printed(figure) -> str | None:
    """The number, or the words, as a page prints them."""
    if figure.printed or figure.text:
        return figure.printed or figure.text
    return f"{figure.value}{figure.unit}" if figure.value is not None else None


def state() -> dict[str, int]:
    """How many rows each table of ours has, and how many events the history; steps of the data version are folded."""
    ours = [
        model
        for app in ("accounts", "audit", "indicators", "projects")
        for model in apps.get_app_config(app).get_models()
        if model is not DataVersion
    ]
    return {model._meta.label: model.objects.count() for model in ours}


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the article's fixtures that a test may spoil."""
    return Path(shutil.copytree(ARTICLE, tmp_path / "article"))


def edit(directory: Path, file: str, change) -> None:
    content = json.loads((directory / file).read_text(encoding="utf-8"))
    change(content)
    (directory / file).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load(directory: Path) -> str:
    out = StringIO()
    call_command("load_fixtures", str(directory), stdout=out)
    return out.getvalue()


# What was printed


def test_figures_stand_as_printed(db):
    loaded = []
    for vintage in vintages():
        rank = vintage.ranks.first()
        comparison = vintage.comparisons.first()
        loaded.append(
            (
                vintage.observation.indicator.code,
                vintage.observation.period.code,
                printed(vintage),
                f"{vintage.growth}%" if vintage.growth is not None else None,
                (rank.by, rank.wording) if rank else None,
                comparison.wording if comparison else None,
                vintage.locator.removeprefix("article.txt 第").partition("行")[0],
            )
        )
    assert loaded == [figure[1:] for figure in FIGURES]


def test_fact_numbers_belong_to_these_indicators():
    assert [(row["fact"], row["indicator"]) for row in read("figures.json")["figures"]] == [f[:2] for f in FIGURES]
    facts = [(row["fact"], row["code"]) for row in read("targets.json")["targets"] if "fact" in row]
    assert facts == [target[:2] for target in TARGETS]


def test_figures_are_public_newspaper_figures_of_the_home_district(db):
    for vintage in vintages():
        assert vintage.observation.district.code == "220106"
        assert vintage.observation.current_id == vintage.pk
        assert (vintage.number, vintage.status, vintage.reason) == (1, "unstated", "")
        assert (vintage.source.kind, vintage.known_from) == ("newspaper", PUBLISHED)
        assert vintage.known_from_is_backfilled
        assert vintage.period_is_inferred
        assert (vintage.release.authority, vintage.release.released_at) == ("报纸公开报道", PUBLISHED)
        assert (vintage.entered_by, vintage.approved_by) == (None, None)
    assert Release.objects.count() == Observation.objects.count() == 34
    source = Source.objects.get()
    assert (source.file_name, source.published_on_is_inferred) == ("article.txt", True)


def test_unknown_is_null_and_no_growth_basis_is_claimed(db):
    without_value = vintages().filter(value=None)
    assert [v.observation.indicator.code for v in without_value] == [
        "gdp",
        "service_revenue",
        "housing_sales_area",
        "fiscal_revenue",
        "fiscal_quality",
        "zero_employment_households",
    ]
    assert {v.null_reason for v in without_value} == {"not_published"}
    assert set(vintages().exclude(growth=None).values_list("growth_basis", flat=True)) == {"unstated"}
    assert set(vintages().filter(growth=None).values_list("growth_basis", flat=True)) == {""}


def test_approximate_figures_keep_their_comparator(db):
    inexact = vintages().exclude(comparator="=")
    assert [(str(v.value), v.comparator, v.unit, v.printed) for v in inexact] == [
        ("450", ">", "万元", "450余万元"),
        ("30", ">", "场次", "30余场次"),
        ("240", ">", "场次", "240余场次"),
        ("10000", "<", "人次", "近万人次"),
    ]


def test_comparisons_and_ranks_are_digit_for_digit(db):
    comparisons = [(c.kind, str(c.delta), c.unit, c.locator) for v in vintages() for c in v.comparisons.all()]
    assert comparisons == [
        ("over_expectation", "17.1", "个百分点", "article.txt 第31行"),
        ("over_expectation", "77.1", "个百分点", "article.txt 第31行"),
        ("over_three_years", "15", "个百分点", "article.txt 第31行"),
        ("over_expectation", "22.8", "个百分点", "article.txt 第31行"),
    ]
    ranks = [(r.place, r.pool_size, r.pool.code) for v in vintages() for r in v.ranks.all()]
    assert ranks == [(1, 5, "five-urban-districts")] * 4


def test_period_wording_is_only_what_is_printed(db):
    worded = Counter(vintages().values_list("observation__period_kind", "period_wording"))
    assert worded == {
        ("ytd", "上半年"): 6,
        ("ytd", "1-6月"): 1,
        ("ytd", ""): 1,  # 促消费活动: the sentence has none
        ("instant", "截至目前"): 3,
        ("instant", ""): 6,
        ("window", "自区委六届四次全会以来"): 17,
    }


def test_targets_stand_as_printed(db):
    targets = Target.objects.filter(kind="three_years").select_related("indicator", "node").order_by("order")
    loaded = [
        (
            target.code,
            target.indicator.code if target.indicator else None,
            target.node.code,
            printed(target),
            target.deadline_stated,
            target.locator.removeprefix("article.txt 第").removesuffix("行"),
        )
        for target in targets
    ]
    # GDP, the target with a stated deadline, is shown first; the article names the population before it.
    assert loaded[:2] == [TARGETS[1][1:], TARGETS[0][1:]]
    assert loaded[2:] == [target[1:] for target in TARGETS[2:]]
    assert {target.period.code for target in targets} == {"2023-08_2025-12.plan"}
    assert [target.code for target in targets if target.is_headline] == [
        "gdp-2025",
        "population-80",
        "built-up-area-80",
    ]
    assert [(t.code, str(t.value), t.comparator, t.unit) for t in targets if t.code.startswith("beef")] == [
        ("beef-1000", "1000", ">=", "亿元"),
        ("beef-double", "2", "=", "倍"),
    ]
    assert not targets.exclude(baseline_value=None).exists()
    assert {target.path for target in targets} == {"none"}


def test_only_printed_excesses_give_expectations(db):
    expectations = Target.objects.filter(kind="expectation").select_related("indicator").order_by("order")
    assert [(t.indicator.code, str(t.value), t.unit, t.measure, t.is_derived, t.period.code) for t in expectations] == [
        ("service_revenue", "10", "%", "growth", True, HALF),
        ("housing_sales_area", "15", "%", "growth", True, HALF),
        ("domestic_capital", "20", "%", "growth", True, HALF),
    ]
    for target in expectations:
        vintage = Vintage.objects.get(observation__indicator=target.indicator)
        assert vintage.growth - vintage.comparisons.get().delta == target.value
    assert Target.objects.count() == 12
    assert {target.known_from for target in Target.objects.all()} == {PUBLISHED}


# What it hangs on


def test_indicators(db):
    codes = list(Indicator.objects.values_list("code", flat=True))
    assert codes == [*(figure[1] for figure in FIGURES), "talent_plans", "population", "built_up_area"]
    assert list(Indicator.objects.filter(is_headline=True).values_list("code", flat=True)) == [
        "gdp",
        "industrial_output",
        "service_revenue",
        "housing_sales_area",
        "fiscal_revenue",
        "fiscal_quality",
        "domestic_capital",
        "private_enterprises",
        "sole_traders",
    ]
    calendars = dict(Indicator.objects.exclude(calendar="irregular").values_list("code", "calendar"))
    assert calendars == {
        "gdp": "quarterly",
        "industrial_output": "from_february",
        "service_revenue": "from_february",
        "housing_sales_area": "from_february",
        "fiscal_revenue": "monthly",
        "fiscal_quality": "monthly",
        "domestic_capital": "monthly",
        "population": "yearly",
        "built_up_area": "yearly",
    }
    names = [name for indicator in Indicator.objects.all() for name in (indicator.name, *indicator.aliases)]
    assert len(names) == len(set(names)), "an import could not tell two indicators apart"


def test_indicator_definitions(db):
    assert IndicatorVersion.objects.count() == 37
    units = dict(IndicatorVersion.objects.values_list("indicator__code", "unit"))
    assert (units["gdp"], units["industrial_output"], units["population"]) == ("亿元", "亿元", "万人")
    for figure in vintages().exclude(value=None):
        assert figure.unit == units[figure.observation.indicator.code]
    assert {code for code, unit in units.items() if not unit} == {
        "service_revenue",
        "housing_sales_area",
        "fiscal_revenue",
        "fiscal_quality",
        "zero_employment_households",
    }
    bases = IndicatorVersion.objects.exclude(price_basis="unstated").values_list("indicator__code", "price_basis")
    assert list(bases) == [("gdp", "constant")]


def test_departments_and_assignments_are_assumptions(db):
    assert set(Department.objects.values_list("district__code", "is_assumed")) == {("220106", True)}
    assert Department.objects.count() == 18
    reporters = dict(Assignment.objects.filter(is_assumed=True).values_list("indicator__code", "department__code"))
    assert len(reporters) == 37
    assert (reporters["industrial_output"], reporters["domestic_capital"]) == ("gxj", "swj")
    assert reporters == dict(Indicator.objects.values_list("code", "owner__code"))


def test_pool_of_five_urban_districts(db):
    pool = RankPool.objects.get()
    assert (pool.code, pool.name) == ("five-urban-districts", "五城区")
    members = pool.districts.order_by("code").values_list("code", "name", "parent__code")
    assert list(members) == [
        ("220102", "南关区", "220100"),
        ("220103", "宽城区", "220100"),
        ("220104", "朝阳区", "220100"),
        ("220105", "二道区", "220100"),
        ("220106", "绿园区", "220100"),
    ]
    assert District.objects.count() == 6


def test_strategy_tree(db):
    plan = StrategyPlan.objects.get()
    nodes = list(plan.nodes.select_related("parent"))
    assert len(nodes) == 31
    assert [node.code for node in nodes if node.parent is None] == ["S"]
    assert [node.name for node in nodes if node.parent and node.parent.code == "S"] == [
        "三区引领",
        "三片支撑",
        "五域联动（三园一圈一厅）",
        "五力提升",
    ]
    for node in nodes:
        assert node.parent is None or node.parent.code == (node.code.rpartition(".")[0] or "S")
        assert node.locator.startswith("article.txt 第")
    assert Counter(node.parent.code for node in nodes if node.parent) == {
        "S": 4, "S1": 3, "S1.1": 1, "S1.1.A": 2, "S1.1.A.3": 3, "S1.1.A.4": 4, "S2": 3, "S3": 5, "S4": 5,
    }  # fmt: skip
    assert plan.valid_from == dt.date(2023, 8, 4)
    assert set(IndicatorNode.objects.values_list("is_suggested", flat=True)) == {True}


def test_key_projects_are_placeholders(db):
    listed = ProjectList.objects.get()
    assert [f.code for f in (listed.total_indicator, listed.started_indicator, listed.rate_indicator)] == [
        "key_projects",
        "key_projects_started",
        "key_project_start_rate",
    ]
    memberships = ListMembership.objects.select_related("project")
    assert [m.number for m in memberships] == list(range(1, 53))
    assert memberships[0].project.name == "重点项目01（名称待录入）"
    assert all(m.project.is_placeholder and m.valid_from is None for m in memberships)
    starts = StageEvent.objects.filter(stage="started")
    assert starts.count() == 47
    assert set(starts.values_list("no_later_than", "happened_on", "evidence_kind", "is_unspecified", "known_from")) == {
        (dt.date(2023, 8, 4), None, "summary", True, PUBLISHED)
    }
    assert not TaskForce.objects.exists()


def test_named_places_and_projects(db):
    assert Place.objects.count() == 27
    hospital = Place.objects.get(name="市妇产医院西部院区")
    assert hospital.aliases == ["长春市妇幼保健院西部院区"]
    named = KeyProject.objects.filter(is_placeholder=False)
    assert Counter(named.values_list("kind", flat=True)) == {
        "谋划项目": 5,
        "学校": 2,
        "医院": 2,
        "在建项目": 1,
        "农业项目": 1,
    }
    assert not ListMembership.objects.filter(project__in=named).exists()
    events = StageEvent.objects.filter(project__in=named)
    assert Counter(events.values_list("stage", "evidence_kind")) == {
        ("planned", "wording"): 4,
        ("building", "wording"): 3,
    }
    assert all(project.place and project.place.name == project.name for project in named)


def test_backfill_round_has_no_due_date(db):
    opened = Round.objects.get()
    assert (opened.code, opened.kind, opened.month) == ("2023-07", "backfill", dt.date(2023, 7, 31))
    assert (opened.due_at, opened.closes_at) == (None, None)
    # July asks for no quarter and no year: statistics bureau (GDP, residents) owes nothing.
    forms = opened.submissions.values_list("department__code", "state")
    assert set(forms) == {(code, "not_started") for code in ("gxj", "fgj", "zjj", "czj", "swj")}


def test_fixtures_hold_wordings_not_sentences():
    for path in ARTICLE.glob("*.json"):
        for text in texts(
            json.loads(path.read_text(encoding="utf-8")), ("wording", "printed", "period_wording", "text")
        ):
            assert len(text) <= 24, text
            assert not set("。；！？") & set(text), text


def texts(content, names):
    """Every text in the content that stands under one of the field names."""
    if isinstance(content, list):
        for item in content:
            yield from texts(item, names)
    elif isinstance(content, dict):
        for name, value in content.items():
            if name in names and isinstance(value, str):
                yield value
            else:
                yield from texts(value, names)


# Loading again


def test_loading_twice_changes_nothing(db):
    before = state()
    assert re.fullmatch("数据文件 article：未变 [0-9]+ 条。\n", load(ARTICLE))
    assert state() == before


def spoil(file: str, change, *said: str):
    return pytest.param(file, change, said, id=said[-1])


def figure(number: int, **fields):
    return lambda content: content["figures"][number - 1].update(fields)


def entry(key: str, number: int, **fields):
    return lambda content: content[key][number - 1].update(fields)


BROKEN = [
    spoil("figures.json", figure(10, value="30,82"), "F010", "value", "“30,82”不是数字"),
    spoil("figures.json", figure(10, growth="42.8%"), "F010", "growth", "“42.8%”不是数字"),
    spoil("figures.json", figure(10, indicator="domestik"), "F010", "indicator", "没有代码为“domestik”的记录"),
    spoil("figures.json", figure(10, period="2023-6.ytd"), "F010", "period", "不是期别代码"),
    spoil("figures.json", figure(1, period="2023-05.ytd"), "F001", "period", "报送日历里没有"),
    spoil("figures.json", figure(2, period="2019-06.ytd"), "F002", "没有生效的口径"),
    spoil("figures.json", figure(10, unit="亿圆"), "F010", "unit", "不是认得的计量单位"),
    spoil("figures.json", figure(10, valeu="30.82"), "F010", "valeu", "不认识的字段"),
    spoil("figures.json", figure(14, printed="450余亿元"), "F014", "printed", "不一致"),
    spoil("figures.json", figure(3, null_reason="none"), "F003", "null_reason", "不是有效选项"),
    spoil("figures.json", figure(2, null_reason="not_published"), "F002", "有数值时不能再填无数值的原因"),
    spoil("figures.json", figure(7, value=None), "F007", "value", "至少要有一项"),
    spoil("figures.json", figure(3, known_from="2023-08-04T00:00:00"), "F003", "known_from", "时区"),
    spoil("figures.json", lambda c: c["figures"].append(c["figures"][0]), "第35条", "F001", "与前面的条目重复"),
    spoil("figures.json", lambda c: c["figures"][0]["ranks"][0].update(place=6), "F001", "位次必须在"),
    spoil("figures.json", lambda c: c["figures"][0]["ranks"][0].update(by="size"), "F001 gdp", "ranks[1].by"),
    spoil("figures.json", lambda c: c["defaults"].update(relaese="x"), "defaults", "relaese"),
    spoil("indicators.json", lambda c: c["indicators"].append(c["indicators"][0]), "第38条", "gdp", "重复"),
    spoil("indicators.json", entry("indicators", 1, owner="xyz"), "gdp", "owner", "xyz"),
    spoil("indicators.json", entry("indicators", 1, nodes=["S9"]), "gdp", "nodes", "S9"),
    spoil("indicators.json", entry("indicators", 1, category="money"), "gdp", "category"),
    spoil("indicators.json", entry("indicators", 1, name="规模以上工业总产值"), "gdp", "数据库拒绝"),
    spoil("departments.json", entry("departments", 1, name=""), "tjj", "name"),
    spoil("strategy.json", entry("nodes", 2, parent="S8"), "S1", "parent", "S8"),
    spoil("targets.json", entry("targets", 2, value="500"), "gdp-2025", "value", "不能就地修改"),
    spoil("targets.json", entry("targets", 2, direction="down"), "gdp-2025", "direction", "不能就地修改"),
    spoil("targets.json", entry("targets", 2, path="plan"), "gdp-2025", "path", "不能就地修改"),
    spoil("targets.json", entry("targets", 2, points=[{"month": "2025-12.month"}]), "points", "其他目标没有"),
    spoil("annotations.json", entry("annotations", 1, happened_on="2023-08-32"), "annotations", "happened_on"),
    spoil("annotations.json", entry("annotations", 1, source=""), "annotations", "source"),
    spoil("rounds.json", entry("rounds", 1, month="2023-07-30"), "2023-07", "报告期须是月末日期"),
    spoil("projects.json", lambda c: c["lists"][0]["placeholders"].update(started=53), "placeholders.started"),
    spoil("projects.json", lambda c: c["lists"][0]["placeholders"].update(count=51), "placeholders.count"),
    spoil("places.json", lambda c: c.update(extra=[]), "places.json", "extra"),
]  # fmt: skip


PLAN = {
    "code": "output-2024",
    "name": "工业总产值",
    "indicator": "industrial_output",
    "node": "S1.1",
    "kind": "year",
    "period": "2024-12.year",
    "measure": "value",
    "value": "500",
    "unit": "亿元",
    "path": "plan",
    "rounding": "truncate",
    "places": "2",
    "points": [{"month": "2024-06.month", "value": "250.0"}, {"month": "2024-12.month", "value": "500"}],
}


def test_plan_is_loaded_with_its_target_and_stays(db, copy):
    edit(copy, "targets.json", lambda c: c["targets"].append(PLAN))
    load(copy)
    made = Target.objects.get(code="output-2024")
    assert (made.rounding, made.places, made.direction) == ("truncate", 2, "up")
    points = [(str(point.due_on), str(point.value)) for point in made.points.order_by("due_on")]
    assert points == [("2024-06-30", "250.0"), ("2024-12-31", "500")]
    before = state()
    load(copy)
    assert state() == before


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "须有月度计划"),
        ([{"month": "2024-12.month", "value": "500"}], "不能就地修改"),
        ([{"month": "2024-06.month", "value": "251"}, {"month": "2024-12.month", "value": "500"}], "不能就地修改"),
        ([*PLAN["points"][:1], {"month": "2024-09.month", "value": "300"}, PLAN["points"][1]], "不能就地修改"),
        ([PLAN["points"][1], PLAN["points"][0]], "按月份先后"),
    ],
)
def test_loaded_plan_is_refused_a_change(db, copy, points, said):
    edit(copy, "targets.json", lambda c: c["targets"].append(PLAN))
    load(copy)
    edit(copy, "targets.json", lambda c: c["targets"][-1].update(points=points))
    before = state()
    with pytest.raises(CommandError, match=said):
        load(copy)
    assert state() == before


def test_new_version_of_a_loaded_target_brings_its_own_plan(db, copy):
    second = PLAN | {"version": "2", "reason": "调整", "authority": "纪要", "value": "520"}
    second["points"] = [{"month": "2024-12.month", "value": "520"}]
    edit(copy, "targets.json", lambda c: c["targets"].extend([PLAN, second]))
    load(copy)
    counts = {t.version: t.points.count() for t in Target.objects.filter(code="output-2024")}
    assert counts == {1: 2, 2: 1}


@pytest.mark.parametrize(("file", "change", "said"), BROKEN)
def test_broken_file_changes_nothing(db, copy, file, change, said):
    edit(copy, "districts.json", entry("districts", 1, name_en="Written first"))
    edit(copy, file, change)
    before = state()
    with pytest.raises(CommandError) as refused:
        load(copy)
    message = str(refused.value)
    assert message.startswith(file)
    assert message.endswith("没有写入任何数据。")
    for part in said:
        assert part in message
    assert refused.value.returncode == 1
    assert state() == before
    assert not District.objects.filter(name_en="Written first").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "不是合法的 JSON"),
        ("[]", "应为一个 JSON 对象"),
        ('{"targets": {}}', "应为条目列表"),
        ('{"targets": [1]}', "不是条目"),
        ('{"targets": [{"code": "a", "code": "b"}]}', "写了两次"),
        ("\udcff", "不是 UTF-8 编码"),
    ],
)
def test_unreadable_file_is_named(db, copy, text, said):
    (copy / "targets.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CommandError, match=rf"targets\.json.*{said}"):
        load(copy)


def test_unknown_file_is_refused(db, copy):
    (copy / "figure.json").write_text("{}")
    with pytest.raises(CommandError, match=r"figure\.json：不认识的数据文件"):
        load(copy)


def test_corrected_file_gives_a_new_vintage(db, copy):
    edit(copy, "figures.json", figure(2, growth="17.0"))
    load(copy)
    old, new = Vintage.objects.filter(observation__indicator__code="industrial_output").order_by("number")
    assert (str(old.growth), str(new.growth)) == ("17", "17.0")
    assert (new.number, new.reason) == (2, "数据文件有更正：同比增长（%）")
    assert (new.known_from, new.ranks.get().wording) == (PUBLISHED, "五城区排名首位")
    assert new.observation.current == new
    before = state()
    load(copy)
    assert state() == before


def test_changed_definition_is_updated_in_place(db, copy):
    edit(copy, "indicators.json", entry("indicators", 1, name_en="GDP", nodes=["S1", "S2"]))
    told = load(copy)
    assert "指标：更新 1" in told
    gdp = Indicator.objects.get(code="gdp")
    assert gdp.name_en == "GDP"
    assert [node.code for node in gdp.nodes.all()] == ["S1", "S2"]
    event = Event.objects.about(gdp).first()
    assert (event.operation, event.origin) == ("update", "load_fixtures article")


def test_new_version_of_a_target(db, copy):
    again = {"version": 2, "value": "420", "reason": "调整", "authority": "会议决定"}
    edit(copy, "targets.json", lambda c: c["targets"].append({**c["targets"][1], **again}))
    load(copy)
    assert [str(t.value) for t in Target.objects.filter(code="gdp-2025").order_by("version")] == ["400", "420"]


def test_corrected_count_of_starts(db, copy):
    edit(copy, "projects.json", lambda c: c["lists"][0]["placeholders"].update(started=46))
    load(copy)
    assert StageEvent.objects.filter(stage="started").count() == 46


# What people have done since stays


def test_approved_correction_stays_in_force(cast, copy):
    observation = Observation.objects.get(indicator__code="industrial_output")
    revised = Vintage.objects.create(
        observation=observation,
        number=2,
        version=observation.current.version,
        value=Decimal("224.1"),
        unit="亿元",
        source=observation.current.source,
        known_from=dt.datetime(2023, 9, 1, tzinfo=dt.UTC),
        entered_by=cast.staff,
        approved_by=cast.reviewer,
        reason="核实",
    )
    observation.current = revised
    observation.save(update_fields=["current"])
    before = state()
    load(ARTICLE)
    assert state() == before
    edit(copy, "figures.json", figure(2, note="另注"))
    load(copy)
    observation.refresh_from_db()
    assert (observation.vintages.count(), observation.current) == (3, revised)


def test_definition_changed_by_a_person_stays(cast, copy):
    gdp = Indicator.objects.get(code="gdp")
    with acting(by=cast.admin, origin="POST /indicators/gdp/"):
        Indicator.objects.filter(pk=gdp.pk).update(name="地区生产总值（GDP）")
        IndicatorNode.objects.filter(indicator=gdp, node__code="S4").delete()
    assert "指标：保留人工修改 1" in load(ARTICLE)
    gdp.refresh_from_db()
    assert gdp.name == "地区生产总值（GDP）"
    assert [node.code for node in gdp.nodes.all()] == ["S1"]


def test_decided_assignment_replaces_the_assumed_one(cast):
    assumed = Assignment.objects.get(indicator__code="service_revenue")
    with acting(by=cast.admin):
        assumed.delete()
        Assignment.objects.create(
            district=assumed.district,
            indicator=assumed.indicator,
            department=Department.objects.get(code="tjj"),
            valid_from=dt.date(2023, 9, 1),
        )
    load(ARTICLE)
    assert Assignment.objects.get(indicator__code="service_revenue").department.code == "tjj"


def test_named_placeholder_and_withdrawn_start_stay(cast):
    first, second = (KeyProject.objects.get(code=f"key-2023-0{n}") for n in (1, 2))
    with acting(by=cast.admin, origin="POST /projects/"):
        KeyProject.objects.filter(pk=first.pk).update(name="甲项目", is_placeholder=False)
        StageEvent.objects.filter(project__in=[first, second]).delete()
    load(ARTICLE)
    first.refresh_from_db()
    assert (first.name, first.is_placeholder) == ("甲项目", False)
    assert not StageEvent.objects.filter(project__in=[first, second]).exists()
    assert ListMembership.objects.count() == 52


# The command


def test_demo_data_that_does_not_exist_is_refused(db, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    shutil.copytree(ARTICLE, tmp_path / "fixtures" / "article")
    with pytest.raises(CommandError, match="演示数据还没有提供") as refused:
        call_command("load_fixtures", "--demo")
    assert refused.value.returncode == 1


def test_missing_directory_is_refused(db, tmp_path):
    with pytest.raises(CommandError, match="没有目录"):
        load(tmp_path / "nowhere")


# Local accounts (manage.py local_accounts)


def test_local_accounts_are_refused_without_the_setting(db, settings):
    settings.LOCAL_ACCOUNTS = False
    with pytest.raises(CommandError, match="没有建立任何账号") as refused:
        call_command("local_accounts")
    assert refused.value.returncode == 1
    assert not User.objects.filter(username="staff").exists()


def test_local_accounts_are_one_of_each_role(db, settings):
    settings.LOCAL_ACCOUNTS, settings.LOCAL_PASSWORD = True, "eine-andere-losung"
    out = StringIO()
    call_command("local_accounts", stdout=out)
    names = ("staff", "staff2", "staff3", "head", "reviewer", "leader", "admin", "auditor")
    people = User.objects.filter(username__in=names).order_by("pk")
    assert list(people.values_list("username", "role", "department__code")) == [
        ("staff", "staff", "gxj"),
        ("staff2", "staff", "swj"),
        ("staff3", "staff", "tjj"),
        ("head", "staff", "swj"),
        ("reviewer", "reviewer", "tjj"),
        ("leader", "leader", None),
        ("admin", "admin", None),
        ("auditor", "auditor", None),
    ]
    assert all(user.check_password("eine-andere-losung") for user in people)
    assert not people.filter(is_superuser=True).exists()
    lines = out.getvalue().splitlines()
    assert lines[1].split() == ["staff", "填报员", "工信局填报员", "工信局", "eine-andere-losung"]
    assert len(lines) == 9


def test_local_accounts_are_rewritten_only_when_wrong(db, settings):
    settings.LOCAL_ACCOUNTS = True
    call_command("local_accounts", stdout=StringIO())
    before = state()
    call_command("local_accounts", stdout=StringIO())
    assert state() == before
    User.objects.filter(username="leader").update(role="admin", password="!")
    call_command("local_accounts", stdout=StringIO())
    leader = User.objects.get(username="leader")
    assert leader.role == "leader"
    assert leader.check_password(settings.LOCAL_PASSWORD)


def test_local_accounts_need_the_departments(db, settings):
    settings.LOCAL_ACCOUNTS, settings.HOME_DISTRICT = True, "220102"
    with pytest.raises(CommandError, match="请先运行 load_fixtures"):
        call_command("local_accounts")
    assert not User.objects.filter(username="staff").exists()
