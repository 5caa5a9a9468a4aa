"""Lists sort both ways by every column, with the unknown last, and narrow without changing figures."""

from __future__ import annotations

import re

import pytest

from indicators.tables import IndicatorTable
from projects.tables import ProjectTable

pytestmark = pytest.mark.django_db


def names(client, path: str) -> list[str]:
    page = client.get(path)
    assert page.status_code == 200
    return [record.indicator.code for record in (row.record for row in page.context["table"].rows)]


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
