"""Every fact and target stands on a page digit for digit, with where it is printed.

The table was typed from article.txt; the page text is what a reader sees, without markup.
"""

from __future__ import annotations

import html
import re

import pytest

pytestmark = pytest.mark.django_db

# fact, figure key without district, as printed, line
FACTS = [
    ("F001", "gdp/2023-06.ytd/growth", "10.1%", "21"),
    ("F002", "industrial_output/2023-06.ytd/value", "223.7亿元", "31"),
    ("F002", "industrial_output/2023-06.ytd/growth", "17%", "31"),
    ("F003", "service_revenue/2023-06.ytd/growth", "27.1%", "31"),
    ("F003", "service_revenue/2023-06.ytd/excess", "17.1个百分点", "31"),
    ("F004", "housing_sales_area/2023-06.ytd/growth", "92.1%", "31"),
    ("F004", "housing_sales_area/2023-06.ytd/excess", "77.1个百分点", "31"),
    ("F005", "fiscal_revenue/2023-06.ytd/growth", "55.8%", "31"),
    ("F006", "fiscal_quality/2023-06.ytd/rank-other", "第1位", "31"),
    ("F007", "key_projects/2023-08-04.instant/value", "52个", "31"),
    ("F008", "key_projects_started/2023-08-04.instant/value", "47个", "31"),
    ("F009", "key_project_start_rate/2023-08-04.instant/value", "90.4%", "31"),
    ("F010", "domestic_capital/2023-06.ytd/value", "30.82亿元", "31"),
    ("F010", "domestic_capital/2023-06.ytd/growth", "42.8%", "31"),
    ("F010", "domestic_capital/2023-06.ytd/excess", "22.8个百分点", "31"),
    ("F011", "tax_relief/2023-08-04.window/value", "1.4亿元", "49"),
    ("F012", "private_enterprises/2023-08-04.instant/value", "3.7万户", "49"),
    ("F012", "private_enterprises/2023-08-04.instant/growth", "21.37%", "49"),
    ("F013", "sole_traders/2023-08-04.instant/value", "8.13万户", "49"),
    ("F013", "sole_traders/2023-08-04.instant/growth", "15.53%", "49"),
    ("F014", "science_funds/2023-08-04.window/value", "450余万元", "49"),
    ("F015", "permit_time_cut/2023-08-04.window/value", "82.6%", "21"),
    ("F016", "service_commissioners/2023-08-04.window/value", "318名", "33"),
    ("F017", "enterprises_served/2023-08-04.window/value", "613家", "33"),
    ("F018", "requests_resolved/2023-08-04.window/value", "192件", "33"),
    ("F019", "request_resolution_rate/2023-08-04.window/value", "100%", "33"),
    ("F020", "consumption_events/2023-06.ytd/value", "30余场次", "31"),
    ("F021", "committee_meetings/2023-08-04.window/value", "17次", "23"),
    ("F022", "publicity_sessions/2023-08-04.window/value", "240余场次", "23"),
    ("F023", "city_parks/2023-08-04.instant/value", "10个", "51"),
    ("F024", "pocket_parks/2023-08-04.instant/value", "34个", "51"),
    ("F025", "village_projects/2023-08-04.window/value", "3个", "51"),
    ("F026", "employment_events/2023-08-04.window/value", "142场", "53"),
    ("F027", "schools_building/2023-08-04.instant/value", "3所", "53"),
    ("F028", "health_records_rate/2023-08-04.instant/value", "88.75%", "53"),
    ("F029", "zero_employment_households/2023-08-04.window/text", "动态清零", "53"),
    ("F030", "safety_fields/2023-08-04.window/value", "12个", "55"),
    ("F031", "happy_communities/2023-08-04.window/value", "14个", "55"),
    ("F032", "residents_problems/2023-08-04.window/value", "272个", "55"),
    ("F033", "cadres_trained/2023-08-04.window/value", "近万人次", "57"),
    ("F034", "secretary_topics/2023-08-04.window/value", "150个", "57"),
]
# target, code, as printed, line; F035 is a plan and so a target
TARGETS = [
    ("T001", "population-80", "80万", "13"),
    ("T002", "gdp-2025", "400亿元", "35"),
    ("T003", "built-up-area-80", "80平方公里", "13"),
    ("T004", "hundred-billion-class", "百亿级县区", "13"),
    ("T005", "beef-1000", "千亿级", "91"),
    ("T006", "beef-double", "翻番", "81"),
    ("T007", "rank-energy-image", "位次提升、能级提升、形象提升", "13"),
    ("T008", "two-clusters", "两个产业集群", "89"),
    ("F035", "talent-plans-6", "6个", "129"),
]


def text_of(page: str) -> str:
    """What a reader sees: no tags, no white space."""
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]+>", "", page)))


def shown_figures(page: str) -> dict[str, str]:
    return {
        key: html.unescape(text)
        for key, text in re.findall(r'<data value="[^"]*" data-key="([^"]+)">([^<]*)</data>', page)
    }


def in_district(key: str) -> str:
    code, _, rest = key.partition("/")
    return f"{code}/220106/{rest}"


@pytest.fixture
def page(signed_in):
    client = signed_in("leader")
    return lambda path: client.get(path).content.decode()


def test_all_facts_are_covered():
    assert {fact for fact, *_ in FACTS} | {"F035"} == {f"F{n:03}" for n in range(1, 36)}
    assert {target for target, *_ in TARGETS} == {f"T{n:03}" for n in range(1, 9)} | {"F035"}


def test_every_fact_stands_on_the_list_as_printed(page):
    shown = shown_figures(page("/indicators/"))
    assert {key: shown.get(in_district(key)) for _, key, _, _ in FACTS} == {key: text for _, key, text, _ in FACTS}


@pytest.mark.parametrize(
    ("fact", "key", "printed", "line"), FACTS, ids=[f"{f}-{k.split('/')[2]}" for f, k, *_ in FACTS]
)
def test_every_fact_leads_to_its_source(page, fact, key, printed, line):
    found = page(f"/figures/{in_district(key).rpartition('/')[0]}/")
    assert shown_figures(found)[in_district(key)] == printed
    text = text_of(found)
    assert "article.txt" in text
    assert re.search(rf"第[0-9、]*{line}[0-9、]*行", text)
    assert f'id="{key.rpartition("/")[2]}"' in found


@pytest.mark.parametrize(("target", "code", "printed", "line"), TARGETS, ids=[t for t, *_ in TARGETS])
def test_every_target_stands_on_the_strategy_page_and_leads_to_its_source(page, target, code, printed, line):
    key = f"target/220106/{code}/value"
    assert shown_figures(page("/strategy/"))[key] == printed
    text = text_of(page(f"/figures/target/220106/{code}/"))
    assert printed in text
    assert re.search(rf"第[0-9、]*{line}[0-9、]*行", text)


def test_printed_comparisons_stand_as_printed(page):
    text = text_of(page("/cockpit/"))
    for printed in (
        "超出预期17.1个百分点",
        "超出预期77.1个百分点",
        "超出预期22.8个百分点",
        "较近三年平均水平提高15个百分点",
    ):
        assert printed in text


def test_what_follows_from_print_is_marked_as_derived(page):
    text = text_of(page("/cockpit/"))
    for derived in ("10%推算", "15%推算", "20%推算", "75.4%推算"):
        assert derived in text
    assert text.count("75.4%") == text.count("75.4%推算") == 1


def test_rate_is_computed_from_the_list(page):
    shown = shown_figures(page("/cockpit/"))
    prefix = "portfolio/220106/key-2023@2023-08-04"
    assert [shown[f"{prefix}/{name}"] for name in ("started", "total", "start_rate")] == ["47", "52", "90.4%"]
    assert "47/52" in text_of(page("/cockpit/"))
    assert "未指明具体项目" in text_of(page("/projects/"))


def test_before_the_report_the_rate_is_unknown(page):
    for path in ("/cockpit/?as_of=2023-07-01", "/projects/?as_of=2023-07-01"):
        text = text_of(page(path))
        assert "已知0" in text
        assert "可能0–47" in text
        assert "90.4%" not in text


def test_wall_has_one_mark_per_project(page):
    assert page("/projects/").count('<li class="started">') == 47
    assert page("/projects/").count('<li class="not_started">') == 5


def test_promises_without_a_current_value_say_so(page):
    text = text_of(page("/cockpit/"))
    assert text.count("当前值尚未录入") == 3


def test_nothing_is_shown_that_the_article_does_not_print(page):
    shown = shown_figures(page("/indicators/"))
    printed = {in_district(key) for _, key, _, _ in FACTS}
    ranks = {
        f"{code}/220106/2023-06.ytd/rank-{by}"
        for code, by in (
            ("gdp", "growth"),
            ("industrial_output", "unstated"),
            ("fiscal_revenue", "growth"),
            ("fiscal_quality", "other"),
        )
    }
    extra = {key for key in shown if key not in printed | ranks and not key.startswith("target/")}
    assert extra == set()
