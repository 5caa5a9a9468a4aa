"""Every table as a file: the page's own figures digit for digit, for whoever may see the page, harmless to open."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from decimal import Decimal
from itertools import cycle

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.models import Vintage
from indicators.rows import Figure
from lvyuan.imports.harmless import harmless, said_harmlessly
from lvyuan.ui.export import Book, Sheet, figures, parted, text, write_sheets
from tests.indicators.factories import figure
from tests.test_pages import PAGES, ROLES, get, world  # noqa: F401

EXPORTED = (
    "cockpit",
    "indicator-list",
    "compare",
    "indicator-detail",
    "target-list",
    "rank-detail",
    "project-list",
    "portfolio-figure",
    "round-list",
    "round-detail",
    "exception-list",
    "board",
    "review-list",
    "exemption-list",
    "release-list",
    "review-detail",
    "light-list",
    "light-detail",
    "event-list",
)
FIGURE = re.compile(r'<data value="([^"]*)" data-key="([^"]*)">([^<]*)</data>')


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def book_of(response):
    return openpyxl.load_workbook(io.BytesIO(body(response)))


def shown(cell) -> str:
    """A cell as a spreadsheet shows it: the number in its own format."""
    if cell.value is None:
        return ""
    if cell.data_type == "n" and re.fullmatch("0([.]0+)?", cell.number_format):
        return f"{Decimal(str(cell.value)):.{len(cell.number_format.partition('.')[2])}f}"
    return str(cell.value)


def one_sheet(*rows, columns) -> Book:
    return Book("试验", [Sheet("rows", "各行", columns, rows)])


def written(book: Book, wanted: str) -> bytes:
    target = io.BytesIO()
    write_sheets(target, book.sheets, [("内容", book.title)], wanted)
    return target.getvalue()


# The page and its file


@pytest.mark.parametrize("name", EXPORTED)
def test_who_sees_the_page_gets_its_file_and_nobody_else(signed_in, world, name):  # noqa: F811
    path, expected = PAGES[name]
    path = path.format(**world)
    for role, wanted in zip(ROLES, cycle(("xlsx", "csv", "json")), strict=False):
        response = signed_in(role).get(f"{path}{'&' if '?' in path else '?'}format={wanted}")
        assert response.status_code == expected[role], role
        assert ("attachment" in response.get("Content-Disposition", "")) == (expected[role] == 200)
        if response.streaming:
            assert int(response["Content-Length"]) == len(body(response)) > 0


@pytest.mark.parametrize("name", EXPORTED)
def test_links_on_the_page_lead_to_its_files(signed_in, world, name):  # noqa: F811
    path, expected = PAGES[name]
    role = next(role for role, status in expected.items() if status == 200)
    client = signed_in(role)
    path = path.format(**world)
    page = client.get(path).content.decode()
    links = set(re.findall(r'href="(\?[^"]*format=[^"]*)"', page))
    assert links or not re.search("<tbody>", page)
    for link in links:
        response = client.get(path.partition("?")[0] + link.replace("&amp;", "&"))
        assert response.status_code == 200, link
        assert body(response)


@pytest.mark.parametrize(
    "path",
    [
        "/cockpit/",
        "/indicators/",
        "/indicators/?period=2023-06",
        "/indicators/?category=economy&known_at=2023-12-31",
        "/indicators/gdp/",
        "/indicators/industrial_output/",
        "/targets/",
        "/compare/?indicator=industrial_output&indicator=gdp&since=2023-01&until=2023-12",
        "/indicators/industrial_output/ranks/",
        "/projects/",
        "/figures/portfolio/220106/key-2023@2023-08-04/",
        "/releases/?show=released",
    ],
)
def test_every_figure_of_the_page_is_in_its_file(signed_in, path):
    client = signed_in("reviewer")
    page = client.get(path).content.decode()
    tables = "".join(re.findall("<tbody.*?</tbody>", page, re.S))
    said = {key: (value, printed) for value, key, printed in FIGURE.findall(tables) or FIGURE.findall(page)}
    assert said
    address = f"{path}{'&' if '?' in path else '?'}format="
    told = {}
    for name, rows in json.loads(body(client.get(f"{address}json"))).items():
        for row in rows if name != "about" else ():
            found = [cell for cell in row.values() if isinstance(cell, dict)]
            told |= {cell["key"]: (cell["value"], cell["text"]) for cell in found}
    for key, (value, printed) in said.items():
        assert told[key][1] == printed
        assert told[key][0] in (value, None)
    in_book = {}
    for sheet in book_of(client.get(f"{address}xlsx")).worksheets:
        heads = [cell.value for cell in sheet[1]]
        if "数据地址" not in heads:
            continue
        for row in sheet.iter_rows(min_row=2):
            keys = (shown(row[heads.index("数据地址")]) or "").split()
            texts = " ".join(shown(cell) for cell in row[: heads.index("数据地址")])
            in_book |= dict.fromkeys(keys, texts)
    for key, (value, printed) in said.items():
        digits = told[key][0] if told[key][0] is not None else printed
        assert digits in in_book[key].split() or printed in in_book[key], (key, value)


def test_a_file_has_all_rows_and_a_page_fifty(signed_in, db):
    for month in range(1, 13):
        for year in (2020, 2021, 2022, 2024):
            figure("industrial_output", f"{year}-{month:02}.ytd", f"{year}.{month:02}")
    client = signed_in("leader")
    page = client.get("/indicators/industrial_output/").content.decode()
    assert page.count('<th class="keep" scope="row">') < 40
    rows = json.loads(body(client.get("/indicators/industrial_output/?format=json&table=history&page=2")))["history"]
    assert len(rows) == Vintage.objects.filter(observation__indicator__code="industrial_output").count()
    assert rows[-1]["数值"] == {
        "key": "industrial_output/220106/2020-01.ytd/value",
        "value": "2020.01",
        "unit": "亿元",
        "text": "2020.01亿元",
    }


def test_a_file_is_chinese_for_everybody(signed_in, db):
    client = signed_in("leader")
    client.cookies["django_language"] = "en"
    sheets = book_of(client.get("/indicators/?format=xlsx"))
    assert sheets.sheetnames == ["指标一览", "说明"]
    assert [cell.value for cell in sheets.worksheets[0][1]][:5] == ["指标代码", "指标", "领域", "时期", "数值"]
    assert "Industrial" not in " ".join(str(cell.value) for row in sheets.worksheets[0].rows for cell in row)


def test_file_says_page_period_filter_and_demo(signed_in, settings):
    settings.DEMO = True
    response = signed_in("leader").get("/indicators/?period=2023-06&category=economy&format=xlsx")
    assert "%E6%BC%94%E7%A4%BA%E6%95%B0%E6%8D%AE" in response["Content-Disposition"]  # 演示数据
    sheets = book_of(response)
    about = {row[0].value: row[1].value for row in sheets["说明"].rows}
    assert about["性质"] == "演示数据（非真实数据，仅供试用）"
    assert about["时期"] == "2023年6月"
    assert about["页面"].endswith("/indicators/?period=2023-06&category=economy")
    assert about["筛选：领域"]
    assert [cell.value for cell in sheets.worksheets[0][1]][-1] == "演示数据"


def test_unknown_format_and_table_are_404_in_chinese(signed_in, db):
    client = signed_in("leader")
    for query in ("format=pdf", "format=xlsx&table=nothing"):
        response = client.get(f"/indicators/?{query}")
        assert response.status_code == 404
        assert "没有" in response.content.decode()


def test_file_of_a_page_that_refuses_is_that_page(signed_in, db):
    response = signed_in("leader").get("/compare/?indicator=none&format=csv")
    assert response.status_code == 422
    assert response["Content-Type"].startswith("text/html")


def test_file_is_kept_by_nobody_and_unchanged_costs_nothing(signed_in, db):
    client = signed_in("auditor")
    response = client.get("/indicators/?format=csv")
    assert response["Cache-Control"] == "private, no-cache"
    assert body(response).startswith(b"\xef\xbb\xbf")
    assert get(client, "/history/?format=csv")["Cache-Control"] == "no-store"
    if "ETag" in response:
        assert client.get("/indicators/?format=csv", headers={"if-none-match": response["ETag"]}).status_code == 304


def test_long_history_needs_as_many_queries_as_a_short_one(signed_in, django_assert_max_num_queries):
    with django_assert_max_num_queries(30):
        assert get(signed_in("leader"), "/indicators/?format=xlsx&table=figures").status_code == 200


# The writer


@pytest.mark.parametrize(
    ("said", "number", "unit"),
    [
        (Figure("k", "223.7亿元", Decimal("223.7")), Decimal("223.7"), "亿元"),
        (Figure("k", "17.0%", Decimal("17.0")), Decimal("17.0"), "%"),
        (Figure("k", "-6.0%", Decimal("-6.0")), Decimal("-6.0"), "%"),
        (Figure("k", "+1.54个百分点", Decimal("1.54")), Decimal("1.54"), "个百分点"),
        (Figure("k", "第2位", Decimal(2)), Decimal(2), "位"),
        (Figure("k", "450余亿元", Decimal(450)), "450余亿元", ""),
        (Figure("k", "5—6%", Decimal(5)), "5—6%", ""),
        (Figure("k", "近180亿元", Decimal(180)), "近180亿元", ""),
        (Figure("k", "动态清零"), "动态清零", ""),
    ],
)
def test_a_figure_is_a_number_only_where_it_was_printed_as_one(said, number, unit):
    assert parted(said) == (number, unit)


@pytest.mark.parametrize(
    ("digits", "format_", "is_number"),
    [
        ("17", "0", True),
        ("17.0", "0.0", True),
        ("21.37", "0.00", True),
        ("-0.10", "0.00", True),
        ("0.000000000001", "0.000000000000", True),
        ("123456789012345", "0", True),
        ("12345678901234.5", "0.0", True),
        ("123456789012345.6", "General", False),
        ("99999999999999999999999999.999999999999", "General", False),
    ],
)
def test_xlsx_keeps_every_digit(digits, format_, is_number):
    book = one_sheet(Decimal(digits), columns=[text("数值", lambda row: row)])
    (cell,) = openpyxl.load_workbook(io.BytesIO(written(book, "xlsx")))["各行"][2]
    assert shown(cell) == digits
    assert cell.number_format == format_
    assert (cell.data_type == "n") is is_number


RISKY = [
    "=1+1",
    "+1",
    "-1-1",
    "@SUM(A1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "\tx",
    "\rx",
    " =1",
    "'=1",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("said", RISKY)
def test_a_text_is_never_a_formula(said):
    book = one_sheet(said, columns=[text("文字", lambda row: row)])
    (cell,) = openpyxl.load_workbook(io.BytesIO(written(book, "xlsx")))["各行"][2]
    assert cell.data_type == "s"
    assert cell.value.strip() == said.strip()
    (_, (told,)) = csv.reader(io.StringIO(written(book, "csv").decode("utf-8-sig"), newline=""))
    assert told == f"'{said}" or said == "+1"
    assert said_harmlessly(told) == said


@pytest.mark.parametrize("said", ["-5.2", "-6", "0", "17.0", "规上工业", "1-2月", "a=b"])
def test_numbers_and_plain_texts_stay_as_they_are_in_a_csv(said):
    assert harmless(said) == said


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_harmless_texts_come_back(said):
    told = harmless(said)
    assert said_harmlessly(told) == said
    assert told.lstrip(" \u00a0\u3000")[:1] not in tuple("=@＝＋－＠\t\r") or re.fullmatch(r"[-+]?[0-9.]+", told)


def test_csv_has_a_mark_and_windows_line_ends():
    book = one_sheet(
        ("甲", dt.date(2023, 8, 4), Figure("k/v", "-6.0%", Decimal("-6.0"))),
        ("乙，\n“引”", None, None),
        columns=[
            text("名称", lambda row: row[0]),
            text("日期", lambda row: row[1]),
            figures("增长", lambda row: row[2], unit="%"),
        ],
    )
    assert written(book, "csv").decode() == (
        '\ufeff名称,日期,增长（%）,数据地址\r\n甲,2023-08-04,-6.0,k/v\r\n"乙，\n“引”",,,\r\n'
    )


def test_xlsx_is_frozen_typed_and_says_what_it_is():
    moment = dt.datetime(2023, 8, 4, 1, 30, tzinfo=dt.UTC)
    book = one_sheet((moment, dt.date(2023, 8, 4), 3), columns=[text(name, lambda row: row[0]) for name in "甲"])
    sheets = openpyxl.load_workbook(io.BytesIO(written(book, "xlsx")))
    assert sheets.sheetnames == ["各行", "说明"]
    assert sheets["各行"].freeze_panes == "A2"
    assert (sheets["各行"].sheet_properties.pageSetUpPr.fitToPage, sheets["各行"].page_setup.fitToHeight) == (True, 0)
    assert sheets["各行"]["A2"].value == dt.datetime(2023, 8, 4, 9, 30)
    assert sheets["说明"]["A1"].value == "内容"


def test_an_inexact_unit_stands_with_its_figure():
    rows = [Figure("a", "3.2亿元", Decimal("3.2")), Figure("b", "450万元", Decimal(450))]
    book = one_sheet(*rows, columns=[figures("数值", lambda row: row, unit="亿元")])
    lines = written(book, "csv").decode("utf-8-sig").splitlines()
    assert lines == ["数值（亿元）,数据地址", "3.2,a", "450万元,b"]
