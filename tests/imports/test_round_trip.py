"""Any valid set of figures: exported, and imported again, is the same digit for digit; nothing is asked."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indicators.actions import RankInput, VintageInput, record_published
from indicators.models import Indicator, RankPool, Source, Vintage
from lvyuan import periods
from lvyuan.accounts.models import District
from lvyuan.imports import actions
from lvyuan.imports.models import ImportProblem
from lvyuan.numbers import format_figure
from lvyuan.periods import PeriodKind

FORMATS = ("xlsx", "csv", "json")
CODES = ("industrial_output", "gdp", "service_revenue", "housing_sales_area", "fiscal_revenue")
decimals = st.builds(
    lambda digits, places, sign: Decimal(sign * digits).scaleb(-places),
    st.one_of(st.integers(0, 99_999), st.integers(0, 10**14), st.integers(10**15, 10**25)),
    st.integers(0, 6),
    st.sampled_from((1, 1, 1, -1)),
).filter(lambda value: value != 0 or not value.is_signed())
words = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(("", "", "=", "+", "-", "@", "＝", "'")),
        st.sampled_from(("动态清零", "稳中向好", "基本持平")),
        st.text(st.sampled_from("总体好转，；;%'\"＝="), max_size=6),
    ),
)


@st.composite
def stated(draw) -> dict[str, object]:
    """What one figure says: a value exact or not, a growth, words, a place; at least one of them."""
    said: dict[str, object] = {}
    if draw(st.booleans()):
        said["value"] = draw(decimals.filter(lambda value: value >= 0))  # a mandatory rule refuses negative levels
        said["comparator"] = draw(st.sampled_from(("=", "=", "=", ">", "<", "~")))
    elif draw(st.booleans()):
        said["null_reason"] = draw(st.sampled_from(("not_available", "below_unit", "not_applicable", "suppressed")))
    if draw(st.booleans()):
        said["growth"] = draw(decimals.filter(lambda value: abs(value) < 10**12))
    if draw(st.booleans()):
        said["text"] = draw(words)
    if draw(st.booleans()):
        said["rank"] = (draw(st.integers(1, 5)), draw(st.sampled_from(("level", "growth", "other", "unstated"))))
    said["status"] = draw(st.sampled_from(("unstated", "flash", "preliminary", "final", "census")))
    if not said.keys() & {"value", "growth", "text", "rank"}:
        said["growth"] = draw(decimals.filter(lambda value: abs(value) < 10**12))
    return said


@st.composite
def figures(draw) -> list[tuple[str, int, str, dict[str, object]]]:
    """(indicator, which of its last slots, district, what it says), no address twice."""
    address = st.tuples(st.sampled_from(CODES), st.integers(0, 30), st.sampled_from(("220106", "220102")))
    return [(*one, draw(stated())) for one in draw(st.lists(address, min_size=1, max_size=25, unique=True))]


def slots(indicator: Indicator) -> list[periods.Period]:
    kind = PeriodKind(indicator.primary_kind)
    return [slot for year in range(2020, 2026) for slot in periods.slots_of_year(indicator.slots, year, kind)]


def recorded(given_figures) -> None:
    indicators = {one.code: one for one in Indicator.objects.filter(code__in=CODES)}
    districts, pool = (
        {one.code: one for one in District.objects.all()},
        RankPool.objects.get(code="five-urban-districts"),
    )
    source = Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0]
    inputs = []
    for code, place, district, said in given_figures:
        indicator = indicators.get(code)
        if indicator is None:
            continue
        found = slots(indicator)
        period = found[place % len(found)]
        columns = {name: said[name] for name in said if name != "rank"}
        unit = indicator.version_on(period.end).unit
        if "value" in said:
            columns["unit"] = unit or "亿元"
            if said["comparator"] != "=":
                columns["printed"] = format_figure(said["value"], unit=columns["unit"], comparator=said["comparator"])
        rank = said.get("rank")
        inputs.append(
            VintageInput(
                district=districts[district],
                indicator=indicator,
                period=period,
                source=source,
                known_from=timezone.now() - dt.timedelta(1),
                columns=columns,
                ranks=[RankInput(pool=pool, by=rank[1], place=rank[0], pool_size=5)] if rank else (),
            )
        )
    unique = {(one.indicator.pk, one.district.pk, one.period): one for one in inputs}
    record_published(by=None, figures=list(unique.values()), reason="测试")


class _UndoneError(Exception):
    """Takes an example's rows away again."""


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(figures())
def test_export_imports_as_the_same(signed_in, cast, given_figures):
    client = signed_in("leader")
    try:
        with transaction.atomic():
            recorded(given_figures)
            for wanted in FORMATS:
                check(client, cast.admin, wanted)
            raise _UndoneError
    except _UndoneError:
        pass


def check(client, admin, wanted: str) -> None:
    answer = client.get(f"/indicators/?format={wanted}&table=figures")
    upload = SimpleUploadedFile(f"figures.{wanted}", b"".join(answer.streaming_content))
    job, _ = actions.upload_file(by=admin, upload=upload, kind="observations")
    refusing = ImportProblem.objects.filter(job=job, severity__in=("mandatory", "quasi"))
    told = [(one.line, one.column, one.message) for one in refusing]
    assert job.preview["questions"] == [], (wanted, [(q["code"], q["text"]) for q in job.preview["questions"]])
    assert told == [], wanted
    count = Vintage.objects.in_force().count()
    counts = {name: number for name, number in job.preview["counts"].items() if number}
    assert counts == {"same": count}, (wanted, counts)


@pytest.mark.parametrize("wanted", FORMATS)
def test_the_articles_figures_import_as_the_same(signed_in, cast, wanted):
    check(signed_in("leader"), cast.admin, wanted)
