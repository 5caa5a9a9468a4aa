"""口径对账: the published growth stays; what lies between it and the computed one is a note, with reasons."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.models import GrowthReason, Indicator, Vintage
from indicators.reconcile import WIDTH, reconciliation
from indicators.refusals import Conflict, NotAllowed, Refused
from indicators.rows import figure_row
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure

pytestmark = pytest.mark.django_db
JUNE = Period.ytd(2022, 6)
PAGE = f"/figures/industrial_output/{HOME}/2022-06.ytd/"


def levels(current: str, base: str, published: str | None) -> Vintage:
    figure("industrial_output", "2021-06.ytd", base, unit="亿元")
    return figure("industrial_output", "2022-06.ytd", current, growth=published, unit="亿元", growth_basis="comparable")


@pytest.fixture
def investment(db) -> Vintage:
    """Fixed-asset investment, January to June 2023: −10.4 % by division, published +3.8 % (domain rules §3)."""
    return levels("243113", "271430", "3.8")


def explain(by, vintage, kind="scope", effect="10.0", source="统计局说明", note=""):
    return actions.explain_growth(by=by, vintage=vintage, kind=kind, effect=D(effect), source=source, note=note)


def told(cast, **said):
    indicator = Indicator.objects.get(code="industrial_output")
    row = figure_row(indicator=indicator, district=HOME, period=JUNE, user=cast.leader)
    return reconciliation(row, district=HOME, **said)


def test_difference_without_reasons_is_wholly_unexplained(cast, investment):
    """3.8 − (243113 / 271430 − 1) × 100 = 3.8 + 10.4325… = 14.2 points."""
    one = told(cast)
    assert (one.published.text, one.nominal.text, one.basis) == ("3.8%", "-10.4%", "可比口径")
    assert (one.difference.text, one.unexplained.text) == ("+14.2个百分点", "+14.2个百分点")
    assert one.agrees is False
    assert [step.name for step in one.steps] == ["名义测算", "未说明", "公布增速"]


def test_reasons_are_a_bridge_and_leave_a_rest(cast, investment):
    """14.2325 − 10.0 + 1.25 = 5.4825: 5.48 to the places of the finest reason."""
    explain(cast.reviewer, investment, "price", "-1.25")
    explain(cast.reviewer, investment, "scope", "10.0", note="核减非规上项目")
    one = told(cast)
    assert [(step.name, step.figure.text) for step in one.reasons] == [
        ("统计范围变动", "+10.0个百分点"),
        ("价格因素", "-1.25个百分点"),
    ]
    assert one.unexplained.text == "+5.48个百分点"
    assert one.reasons[0].note == "核减非规上项目"
    assert one.reasons[0].written_by == cast.reviewer.name
    assert not one.reasons[0].figure.is_derived
    assert one.unexplained.is_derived


def test_bars_join_where_one_ends_and_the_next_begins(cast, investment):
    """From −10.43 to 3.8, 14.23 points are the whole width; zero lies 10.43 of them from the left."""
    explain(cast.reviewer, investment, "scope", "10.0")
    one = told(cast)
    assert [(step.start, step.length) for step in one.steps] == [(0, 733), (0, 702), (702, 298), (733, 267)]
    assert one.zero == 733
    assert max(step.start + step.length for step in one.steps) == WIDTH


def test_growth_inside_the_rounding_of_both_levels_agrees(cast):
    """10.44 / 10.12 lies in [3.06, 3.26], so a published 3.1 agrees (domain rules §3)."""
    levels("10.44", "10.12", "3.1")
    one = told(cast)
    assert one.agrees is True
    assert (one.lowest.text, one.highest.text) == ("3.06%", "3.26%")


@pytest.mark.parametrize(("current", "base", "published"), [("10.44", "10.12", None), ("10.44", "-1", "3.1")])
def test_nothing_to_reconcile_is_no_query(cast, current, base, published):
    levels(current, base, published)
    indicator = Indicator.objects.get(code="industrial_output")
    row = figure_row(indicator=indicator, district=HOME, period=JUNE, user=cast.leader)
    with CaptureQueriesContext(connection) as queries:
        assert reconciliation(row, district=HOME) is None
    assert len(queries) == 0


def test_reasons_take_one_query(cast, investment):
    for kind in ("scope", "price", "revision"):
        explain(cast.reviewer, investment, kind, "1.0")
    indicator = Indicator.objects.get(code="industrial_output")
    row = figure_row(indicator=indicator, district=HOME, period=JUNE, user=cast.leader)
    with CaptureQueriesContext(connection) as queries:
        assert len(reconciliation(row, district=HOME).reasons) == 3
    assert len(queries) == 1


def test_reasons_belong_to_one_vintage_and_one_moment(cast, investment):
    before = timezone.now()
    explain(cast.reviewer, investment)
    assert told(cast, known_at=before).reasons == ()
    assert len(told(cast).reasons) == 1
    figure("industrial_output", "2022-06.ytd", "243114", growth="3.8", unit="亿元", reason="修订")
    assert told(cast).reasons == ()


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_only_reviewers_explain(cast, investment, who):
    with pytest.raises(NotAllowed, match="只有审核员"):
        explain(getattr(cast, who), investment)
    reason = explain(cast.reviewer, investment)
    with pytest.raises(NotAllowed, match="只有审核员"):
        actions.drop_reason(by=getattr(cast, who), growth_reason=reason)
    assert GrowthReason.objects.count() == 1


def test_explanation_needs_kind_effect_source_and_a_growth(cast, investment):
    for said, match in (
        ({"kind": "magic"}, "从名单中选择"),
        ({"effect": "0.0"}, "影响为零"),
        ({"source": " "}, "须有来源"),
    ):
        with pytest.raises(Refused, match=match):
            explain(cast.reviewer, investment, **said)
    with pytest.raises(Refused, match="没有公布增速"):
        explain(cast.reviewer, figure("industrial_output", "2022-07.ytd", "10.44", unit="亿元"))
    assert not GrowthReason.objects.exists()


def test_same_kind_is_told_once_and_can_be_dropped(cast, investment):
    reason = explain(cast.reviewer, investment)
    with pytest.raises(Conflict, match="“统计范围变动”已经写过"):
        explain(cast.reviewer, investment, effect="3")
    actions.drop_reason(by=cast.reviewer, growth_reason=reason)
    with pytest.raises(Conflict, match="已经删除"):
        actions.drop_reason(by=cast.reviewer, growth_reason=GrowthReason(pk=reason.pk or 0))
    assert explain(cast.reviewer, investment, effect="3").effect == D("3")


def test_table_keeps_one_of_a_kind_with_its_source(cast, investment):
    given = {"vintage": investment, "effect": D("1"), "written_by": cast.reviewer}
    GrowthReason.objects.create(kind="scope", source="x", **given)
    with pytest.raises(IntegrityError, match="growthreason_unique"), transaction.atomic():
        GrowthReason.objects.create(kind="scope", source="x", **given)
    with pytest.raises(IntegrityError, match="growthreason_has_source"), transaction.atomic():
        GrowthReason.objects.create(kind="price", source="", **given)


# Pages


def test_reviewer_explains_on_the_provenance_page(signed_in, investment):
    client = signed_in("reviewer")
    said = {"kind": "scope", "effect": "10.0个百分点", "source": "统计局说明", "note": "", "number": "1"}
    response = client.post(f"{PAGE}reasons/", said)
    assert (response.status_code, response["Location"]) == (302, f"{PAGE}#difference")
    page = client.get(PAGE).content.decode()
    for said_there in ("统计局说明", "+10.0个百分点", 'id="difference"', 'id="unexplained"', 'id="reason-scope"'):
        assert said_there in page
    assert "style=" not in page
    again = client.post(f"{PAGE}reasons/", said)
    assert again.status_code == 409
    assert "已经写过" in again.content.decode()
    assert client.post(f"{PAGE}reasons/1/scope/drop/").status_code == 302
    assert not GrowthReason.objects.exists()
    assert client.post(f"{PAGE}reasons/1/scope/drop/").status_code == 404


@pytest.mark.parametrize(
    ("effect", "number", "status"),
    [("", "1", 422), ("很多", "1", 422), ("约1", "1", 422), ("1%", "1", 422), ("1", "9", 404), ("1", "x", 422)],
)
def test_reason_that_cannot_be_read_is_asked_again(signed_in, investment, effect, number, status):
    client = signed_in("reviewer")
    said = {"kind": "scope", "effect": effect, "source": "统计局说明", "number": number}
    response = client.post(f"{PAGE}reasons/", said)
    assert response.status_code == status
    assert "没有保存任何内容" in response.content.decode()


def test_leader_reads_the_bridge_and_writes_none(signed_in, investment):
    page = signed_in("leader").get(PAGE).content.decode()
    assert "口径对账" in page
    assert "另有口径上的原因" in page
    assert 'name="effect"' not in page
