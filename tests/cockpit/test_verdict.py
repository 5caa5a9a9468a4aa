"""The cockpit's first sentence, for each way the targets may stand."""

from __future__ import annotations

import re

import pytest

from indicators.standing import Stand
from lvyuan.cockpit.verdict import Verdict
from tests.indicators.test_standing import light, pace, short_by

RED, YELLOW, GREEN = (
    Stand(pace(gap), light(colour)) for gap, colour in (("-8.0", "red"), ("-0.1", "yellow"), ("0.5", "green"))
)
SHORT = Stand(pace("0.5", outlook=short_by("6.97亿元")))
UNJUDGED = Stand(pace("-8.0"))
UNKNOWN = Stand(pace(completion=None))


@pytest.mark.parametrize(
    ("stands", "summary", "told", "others"),
    [
        ((RED, YELLOW, SHORT), "3个目标中1个明显落后", (RED,), (YELLOW, SHORT)),
        ((RED, RED, GREEN), "3个目标中2个明显落后", (RED, RED), (GREEN,)),
        ((YELLOW, GREEN), "2个目标中没有明显落后的，1个略有落后", (YELLOW,), (GREEN,)),
        ((SHORT, GREEN), "2个目标中没有明显落后的，1个测算到期达不到", (SHORT,), (GREEN,)),
        ((UNJUDGED, GREEN), "2个目标中1个落后，尚未评灯", (UNJUDGED,), (GREEN,)),
        ((GREEN, GREEN), "2个目标都不落后", (), (GREEN, GREEN)),
        ((UNKNOWN, GREEN, GREEN), "3个目标中2个不落后，1个还不能判断", (), (GREEN, GREEN)),
        ((UNKNOWN, UNKNOWN), "2个目标都还不能判断快慢", (), ()),
        ((RED, UNKNOWN), "2个目标中1个明显落后", (RED,), ()),
    ],
)
def test_summary_names_the_gravest(stands, summary, told, others):
    found = Verdict(stands)
    assert (found.summary, found.told, found.others) == (summary, told, others)
    assert (found.tone, found.mark) == (stands[0].tone, stands[0].mark[0])


def test_what_is_missing_and_who_enters_it():
    assert Verdict((RED, GREEN)).missing == ""
    assert Verdict((RED, UNKNOWN)).missing == "1个缺当前值，由统计局填报"
    nobody = pace(completion=None)
    nobody.row.target.indicator.owner = None
    assert Verdict((Stand(nobody),)).missing == "1个缺当前值，尚未指定填报单位"
    late = Stand(pace(completion=None, is_past_due=True))
    assert Verdict((late, late)).missing == "2个缺当前值，由统计局填报；目标期限都已过，到期结果尚未录入"
    assert not Verdict((late, RED)).is_over


@pytest.mark.django_db
def test_the_article_says_what_is_missing(signed_in):
    page = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", signed_in("leader").get("/cockpit/").content.decode()))
    assert "3个目标都还不能判断快慢3个缺当前值，由统计局、住建局填报" in page
