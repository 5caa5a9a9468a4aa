"""The page of an indicator with fifty years of months: it reads, and says that it reads, only what it shows.

Figures made up: month n of the series (1 is the oldest) is n 个; months count on from January 1974.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from html import unescape
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators.models import Indicator, Observation, Target, Vintage
from indicators.rows import months_with_figures
from lvyuan.accounts.models import District
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators, target

pytestmark = pytest.mark.django_db
PATH = "/indicators/long-0/"


def lengthen(indicator: Indicator, count: int) -> None:
    """So many months of it up to December 2023, each with growth 1."""
    district, template = District.objects.get(code=HOME), Vintage.objects.filter(district__code=HOME).first()
    months = [divmod(2024 * 12 - back, 12) for back in reversed(range(count))]
    made = Observation.objects.bulk_create(
        Observation(
            district=district,
            indicator=indicator,
            period_kind="month",
            period_end=dt.date(year, month + 1, 1) - dt.timedelta(1),
        )
        for year, month in months
    )
    vintages = Vintage.objects.bulk_create(
        Vintage(
            observation=one,
            number=1,
            version=indicator.versions.get(),
            value=Decimal(number),
            unit="个",
            growth=Decimal(1),
            source=template.source,
            known_from=timezone.make_aware(dt.datetime(2024, 1, 2)),
        )
        for number, one in enumerate(made, 601 - count)
    )
    for one, vintage in zip(made, vintages, strict=True):
        one.current = vintage
    Observation.objects.bulk_update(made, ["current"])


def monthly(count: int, *, prefix: str) -> Indicator:
    (made,) = many_indicators(1, prefix=prefix)
    Indicator.objects.filter(pk=made.pk).update(primary_kind="month", calendar="monthly", nature="stock")
    made.versions.update(valid_from=dt.date(1970, 1, 1))
    lengthen(Indicator.objects.get(pk=made.pk), count)
    return Indicator.objects.get(pk=made.pk)


@pytest.fixture
def long(cast) -> Indicator:
    return monthly(600, prefix="long")


def shown(page) -> list[str]:
    """The values of the data table."""
    table = page.content.decode().partition('id="history"')[2].partition("</table>")[0]
    return re.findall(r'data-key="long-0/220106/[^/]+/value">([^<]+)<', table)


def test_pages_of_the_data_table(signed_in, long):
    """600 months are 16 pages of 36 and one of 24; the links stay at the table."""
    client = signed_in("leader")
    found, address = [], f"{PATH}?period=2020-03&known_at=2024-06-01"
    while address:
        page = client.get(address)
        found.append(shown(page))
        link = re.search(r'href="([^"]+)"\s+rel="next"', page.content.decode())
        if link:
            assert unescape(link[1]).startswith("?period=2020-03&known_at=2024-06-01&page=")
            assert link[1].endswith("#history")
        address = PATH + unescape(link[1]).partition("#")[0] if link else ""
    assert [len(page) for page in found] == [36] * 16 + [24]
    assert [value for page in found for value in page] == [f"{number}个" for number in range(600, 0, -1)]
    assert "共 600 期" in page.content.decode()
    assert "第 17 页，共 17 页，600 条" in page.content.decode()


@pytest.mark.parametrize(("asked", "first"), [("99", "24个"), ("0", "24个"), ("x", "600个"), ("2", "564个")])
def test_a_page_that_is_none_is_the_nearest(signed_in, long, asked, first):
    assert shown(signed_in("leader").get(f"{PATH}?page={asked}"))[0] == first


def test_a_later_page_leaves_the_charts_as_they_are(signed_in, long):
    client = signed_in("leader")
    first, later = (client.get(PATH + query).context["charts"] for query in ("", "?page=9"))
    assert first == later
    value = next(chart["figure"] for chart in first if chart["id"] == "chart-value")
    assert value["x"][0], value["x"][-1] == ("2021年11月", "2023年12月")
    assert len(value["x"]) == 26


def test_growth_by_month_goes_back_ten_years(signed_in, long):
    charts = signed_in("leader").get(PATH).context["charts"]
    heat = next(chart["figure"]["data"][0] for chart in charts if chart["id"] == "chart-months")
    assert heat["y"] == [f"{year}年" for year in range(2023, 2013, -1)]
    assert {len(row) for row in heat["z"]} == {12}
    assert {cell for row in heat["z"] for cell in row} == {"1"}


def test_a_long_series_reads_and_builds_no_more_than_it_shows(signed_in, long, monkeypatch):
    """As many queries as with two years; rows for the 36 of the page, not for 600.

    Three more rows: the one above them, and the district's own of two months among the others of its pool.
    """
    monthly(24, prefix="short")
    module = import_module("indicators.rows.scorecard")
    client, build, built = signed_in("leader"), module.build_row, []

    def counted(*args):
        built.append(args)
        return build(*args)

    monkeypatch.setattr(module, "build_row", counted)
    counts = {}
    for path, rows in (("/indicators/short-0/", 24), (PATH, 36)):
        client.get(path)
        built.clear()
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        assert len(page.context["history"]) == rows
        assert len(built) == rows + 3
        counts[path] = len(queries)
    assert len(set(counts.values())) == 1
    built.clear()
    client.get(f"{PATH}?page=5")
    assert len(built) == 26 + 36 + 3  # the charts' besides


def test_months_to_choose_from_end_after_ten_years(signed_in, long):
    """2014 to 2023 by year, and the newest of the older ones to say how to reach them."""
    months = months_with_figures(HOME)
    assert (months[0].code, months[-1].code, len(months)) == ("2023-12.month", "2013-12.month", 121)
    page = signed_in("leader").get(PATH)
    choices = page.context["months"]
    assert [year for year, _ in choices.years] == [f"{year}年" for year in range(2023, 2013, -1)]
    assert choices.older.code == "2013-12"
    picker = page.content.decode().partition('id="picker-period"')[2].partition("</select>")[0]
    assert picker.count("<optgroup") == 10
    assert picker.count("<option value=") == 121  # and 各指标最新
    assert "更早：地址写 period=2013-12" in picker


def test_an_older_month_can_be_asked_for_and_is_listed(signed_in, long):
    page = signed_in("leader").get(f"{PATH}?period=1980-05")
    assert page.context["row"].value.text == "77个"  # 1974 to 1979 are 72 months
    year, lines = page.context["months"].years[-1]
    assert (year, [(line.code, line.is_current) for line in lines]) == ("1980年", [("1980-05", True)])


def promise(code: str, year: int, **said: object) -> Target:
    given = {"kind": "year", "measure": "value", "unit": "个", "deadline_stated": True} | said
    return target(code, indicator="long-0", period=f"{year}-12.year", value="500", **given)


def test_targets_of_other_years_are_the_newest_twelve_and_a_link_to_all(signed_in, long):
    """By hand: of 2004 to 2023 that of 2023 is current, 2011 to 2022 stand below, 2004 to 2010 in the list."""
    for year in range(2004, 2024):
        promise(f"long-{year}", year)
    client = signed_in("leader")
    page = client.get(PATH)
    assert [pace.row.target.code for pace in page.context["paces"]] == ["long-2023"]
    assert [row.target.code for row in page.context["targets"].others] == [
        f"long-{year}" for year in range(2022, 2010, -1)
    ]
    text = page.content.decode()
    assert "其他时期的目标（19）" in text
    assert "本指标全部目标（20）" in text
    listed = client.get("/targets/?indicator=long-0")
    assert [item["row"].target.code for item in listed.context["rows"]] == [
        f"long-{year}" for year in range(2023, 2003, -1)
    ]
    assert client.get("/targets/?indicator=nothing").status_code == 404


def test_the_target_of_a_month_long_ago_stands_with_it(signed_in, long):
    for year in range(2004, 2024):
        promise(f"long-{year}", year)
    page = signed_in("leader").get(f"{PATH}?period=2005-03")
    assert [pace.row.target.code for pace in page.context["paces"]] == ["long-2005"]
    assert page.context["targets"].other_count == 19


def test_a_target_of_several_years_stays_for_a_year_after_its_end(signed_in, long):
    promise("early", 2021, kind="three_years")
    promise("late", 2022, kind="three_years")
    page = signed_in("leader").get(PATH)
    assert [pace.row.target.code for pace in page.context["paces"]] == ["late"]
    assert [row.target.code for row in page.context["targets"].others] == ["early"]


def test_without_a_figure_every_target_is_current(signed_in, cast):
    (made,) = many_indicators(1, prefix="long")
    assert made.code == "long-0"
    promise("long-2022", 2022)
    promise("long-2023", 2023, kind="three_years")
    page = signed_in("leader").get(PATH)
    assert {pace.row.target.code for pace in page.context["paces"]} == {"long-2022", "long-2023"}
    assert page.context["targets"].other_count == 0


def test_a_target_that_went_over_to_another_indicator_is_none_of_the_first(signed_in, long):
    promise("moved", 2023)
    gdp = {"indicator": "gdp", "period": "2023-12.year", "value": "500", "kind": "year", "measure": "value"}
    target("moved", version=2, reason="归口调整", authority="区政府", unit="个", deadline_stated=True, **gdp)
    assert [one.version for one in Target.objects.filter(code="moved").in_force()] == [2]
    assert not Target.objects.in_force().filter(indicator=long).exists()
    page = signed_in("leader").get(PATH)
    assert page.context["targets"].count == 0


def test_a_short_series_says_nothing_of_pages(signed_in, cast):
    figure("industrial_output", "2023-07.ytd", "254.1", unit="亿元")
    text = signed_in("leader").get("/indicators/industrial_output/").content.decode()
    assert "共 2 期" in text
    assert 'class="pager"' not in text
    assert "走势图画最近" not in text
    assert "更早：地址写" not in text
