"""Prepared querysets give what the queryset gives, with other values each time and the SQL made once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.models import BigIntegerField, CharField, DateField, JSONField, TextField
from django.db.models.functions import JSONObject
from django.test.utils import CaptureQueriesContext

from indicators.models import Indicator, Observation, Target
from lvyuan.accounts.models import Department, District
from lvyuan.prepared import Columns, Given, GivenList, prepared
from tests.indicators.factories import HOME

pytestmark = pytest.mark.django_db


def built(function):
    """The prepared function, and how often its queryset was built."""
    calls = []

    @prepared
    def counted(*shape):
        calls.append(shape)
        return function(*shape)

    return counted, calls


def test_other_values_other_rows_one_sql():
    ending, calls = built(
        lambda: (
            Observation.objects.filter(
                district__code=Given("district", TextField()), period_end__lte=Given("until", DateField())
            )
            .order_by("pk")
            .values_list("pk", "period_end")
        )
    )
    for until in (dt.date(2023, 6, 30), dt.date(2022, 12, 31)):
        asked = Observation.objects.filter(district__code=HOME, period_end__lte=until).order_by("pk")
        assert ending(district=HOME, until=until) == list(asked.values_list("pk", "period_end"))
    assert ending(district="220105", until=dt.date(2023, 6, 30)) == []
    assert ending(district=HOME, until=None) == []  # unknown is equal to nothing, later than nothing
    assert calls == [()]


def test_each_shape_is_built_once():
    ordered, calls = built(
        lambda is_newest: District.objects.order_by("-code" if is_newest else "code").values_list("code")
    )
    up = list(District.objects.order_by("code").values_list("code"))
    assert (ordered(False), ordered(True), ordered(False)) == (up, up[::-1], up)
    assert calls == [(False,), (True,)]


@pytest.mark.parametrize("size", [0, 1, 2, 500])
def test_a_list_of_any_length_is_one_parameter(size):
    chosen, calls = built(
        lambda: (
            Indicator.objects.filter(pk__among=GivenList("keys", BigIntegerField())).order_by("pk").values_list("pk")
        )
    )
    keys = sorted(Indicator.objects.values_list("pk", flat=True))[:size]
    assert chosen(keys=keys) == [(key,) for key in keys]
    assert calls == [()]


def test_what_is_given_is_never_sql():
    named, _ = built(lambda: District.objects.filter(name=Given("name", CharField())).values_list("code"))
    assert named(name="'; DROP TABLE accounts_district; --") == []
    assert named(name="绿园区") == [(HOME,)]


def test_it_is_counted_like_any_query_and_uses_the_connection_of_the_day():
    codes, _ = built(lambda: District.objects.order_by("code").values_list("code"))
    with CaptureQueriesContext(connection) as asked:
        codes()
    assert len(asked) == 1


def test_columns_are_converted_as_a_queryset_converts_them():
    told, _ = built(
        lambda: Target.objects.order_by("pk").values_list(
            "value", "period_end", JSONObject(code="code"), "indicator__aliases"
        )
    )
    rows = told()
    asked = Target.objects.annotate(told=JSONObject(code="code")).order_by("pk")
    assert rows == list(asked.values_list("value", "period_end", "told", "indicator__aliases"))
    assert isinstance(rows[0][2], dict)
    assert isinstance(JSONObject(code="code").output_field, JSONField)


def test_a_value_that_is_not_given_is_an_error():
    named, _ = built(lambda: District.objects.filter(name=Given("name", CharField())).values_list("code"))
    with pytest.raises(KeyError, match="name"):
        named()


def test_columns_make_the_model_again_without_a_query():
    indicator, owner = Columns(Indicator), Columns(Department, "owner__")
    lines = Indicator.objects.order_by("pk").values_list(*indicator.paths, *owner.paths)
    for line, expected in zip(lines, Indicator.objects.select_related("owner").order_by("pk"), strict=True):
        with CaptureQueriesContext(connection) as asked:
            made = indicator.made(line[: len(indicator)])
            assert made == expected
            assert made.get_deferred_fields() == set()
            assert owner.made(line[len(indicator) :]) == expected.owner
        assert not asked
