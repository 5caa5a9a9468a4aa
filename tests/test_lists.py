"""Lists sort both ways by every column, with the unknown last, and narrow without changing figures."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from itertools import pairwise

import pytest

from indicators.rows import Row
from indicators.tables import IndicatorTable
from projects.tables import ProjectTable
from tests.indicators.factories import figure, many_indicators
from tests.test_queries import grow_indicators, grow_projects

pytestmark = pytest.mark.django_db


def names(client, path: str) -> list[str]:
    page = client.get(path)
    assert page.status_code == 200
    return [row.record.indicator.code for row in page.context["table"].paginated_rows]


def pages(client, path: str) -> list[list[Row]]:
    """The rows of every page of the list, by following the links."""
    found, address = [], path
    while address:
        page = client.get(address)
        found.append([row.record for row in page.context["table"].paginated_rows])
        link = re.search(r'href="([^"]+)"\s+rel="next"', page.content.decode())
        address = path.partition("?")[0] + unescape(link[1]) if link else ""
    return found


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("column", [c for c, col in IndicatorTable.base_columns.items() if col.orderable is not False])
def test_indicators_sort_by_every_column(signed_in, column, direction):
    assert len(names(signed_in("leader"), f"/indicators/?sort={direction}{column}")) == 37


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("column", [c for c, col in ProjectTable.base_columns.items() if col.orderable is not False])
def test_projects_sort_by_every_column(signed_in, column, direction):
    page = signed_in("leader").get(f"/projects/?sort={direction}{column}")
    assert len(page.context["table"].rows) == 52


# By hand from the article: growth 92.1, 55.8, 42.8, 27.1, 21.37, 17, 15.53, 10.1
BY_GROWTH = [
    "housing_sales_area",
    "fiscal_revenue",
    "domestic_capital",
    "service_revenue",
    "private_enterprises",
    "industrial_output",
    "sole_traders",
    "gdp",
]


def test_sorting_by_growth_puts_the_unknown_last_both_ways(signed_in):
    client = signed_in("leader")
    assert names(client, "/indicators/?sort=-growth")[:8] == BY_GROWTH
    assert names(client, "/indicators/?sort=growth")[:8] == BY_GROWTH[::-1]


def test_indicators_narrow_by_name_alias_category_and_owner(signed_in):
    client = signed_in("leader")
    assert names(client, "/indicators/?q=GDP") == ["gdp"]
    assert names(client, "/indicators/?q=工业") == ["industrial_output"]
    assert len(names(client, "/indicators/?category=projects")) == 3
    assert client.get("/indicators/?q=没有这个指标").content.decode().count("没有符合条件的内容") == 1


def test_nonsense_in_a_filter_shows_everything(signed_in):
    assert len(names(signed_in("leader"), "/indicators/?category=nonsense")) == 37


def test_narrowing_projects_leaves_the_rate_alone(signed_in):
    page = signed_in("leader").get("/projects/?state=not_started")
    assert [row.record.number for row in page.context["table"].rows] == [48, 49, 50, 51, 52]
    assert re.search(r'data-key="portfolio/220106/key-2023@2023-08-04/start_rate">90\.4%', page.content.decode())


# Column → what its rows show; what the query sorts by must be the same.
SHOWN = {
    "period": lambda row: row.period and row.period.end,
    "value": lambda row: row.value and (row.unit, row.value.value),  # 52638万元 is less than 701亿元
    "growth": lambda row: row.growth and row.growth.value,
    "rank": lambda row: row.rank and row.rank.value,
    "source": lambda row: row.vintage and row.vintage.source,
}


@pytest.mark.parametrize("query", ["", "period=2023-06&", "known_at=2023-08-10&"])
def test_query_sorts_by_what_the_rows_show(signed_in, query):
    first, *made = many_indicators(30)
    august = dt.datetime(2023, 8, 9, tzinfo=dt.UTC)
    figure(first.code, "2023-06.ytd", "7", growth="3", rank=3, unit="亿元", known_from=august)
    figure("gdp", "2023-09.ytd", "300", growth="1.5", rank=4, unit="亿元")
    grow_indicators(made)
    for sort in [direction + column for column in SHOWN for direction in ("", "-")]:
        upper, lower = pages(signed_in("leader"), f"/indicators/?{query}sort={sort}")
        assert (len(upper), len(lower)) == (50, 17)
        rows = upper + lower
        assert len({row.indicator.pk for row in rows}) == 67
        shown = [SHOWN[sort.removeprefix("-")](row) for row in rows]
        known = [one for one in shown if one is not None]
        assert len(set(known)) > 1 or (sort, query) in {("period", "period=2023-06&"), ("-period", "period=2023-06&")}
        assert shown == sorted(known, reverse=sort[0] == "-") + [None] * (67 - len(known)), sort
        orders = [(one, row.indicator.order) for one, row in zip(shown, rows, strict=True)]
        assert all(a[1] <= b[1] for a, b in pairwise(orders) if a[0] == b[0])


def test_pages_keep_filter_and_period_and_count_what_was_found(signed_in):
    made = many_indicators(60)
    client = signed_in("leader")
    path = "/indicators/?q=附加&period=2023-06"
    found = [[row.indicator.code for row in page] for page in pages(client, path)]
    assert found == [[one.code for one in made[:50]], [one.code for one in made[50:]]]
    text = client.get(f"{path}&page=2").content.decode()
    assert "第 2 页，共 2 页，60 条" in text
    assert re.search(r'href="\?q=%E9%99%84%E5%8A%A0&amp;period=2023-06&amp;page=1"\s+rel="prev"', text)
    # Another order or another filter begins at its first page.
    assert "page=2&amp;sort" not in text
    assert '<input type="hidden" name="page"' not in text
    assert names(client, f"{path}&page=99") == found[1]


def test_page_of_a_long_list_stays_light(signed_in):
    grow_indicators(many_indicators(60))
    page = signed_in("leader").get("/indicators/").content
    assert page.count(b"<tr>") == 1 + 50
    assert len(page) < 75_000  # was 341 kB with the demo's 86 indicators and the targets below them


def test_long_project_list_pages_and_its_wall_aggregates(signed_in):
    client = signed_in("leader")
    grow_projects(148, prefix="more", first=100)
    page = client.get("/projects/?state=started&page=2").content.decode()
    assert page.count('<ol class="wall"') == 1
    assert "第 2 页，共 4 页，195 条" in page
    grow_projects(1, prefix="last", first=300)
    page = client.get("/projects/").content.decode()
    assert '<ol class="wall"' not in page
    # 47 of the article and 149 more have started, 5 have not; 196 ÷ 201 = 97.5 %
    bars = re.findall(r'<rect class="(\w+)" x="(\d+)" width="(\d+)"', page)
    assert bars == [("started", "0", "196"), ("not_started", "196", "5")]
    assert 'start_rate">97.5%' in page
    assert page.count('<li class="started">') == 0
