"""Events on the time axis and remarks bound to what was shown."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.models import Annotation, Assignment, Indicator, Observation, Remark, Vintage
from indicators.refusals import Conflict, NotAllowed, Refused
from indicators.rows import figure_row
from indicators.stories import events, remark_lines, story_context
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure

pytestmark = pytest.mark.django_db
PAGE = "/indicators/industrial_output/"
JUNE = Period.ytd(2023, 6)


def output() -> Indicator:
    return Indicator.objects.get(code="industrial_output")


def home() -> District:
    return District.objects.get(code=HOME)


def shown() -> Vintage:
    """The article's 223.7亿元 (line 31)."""
    return Observation.objects.for_period(JUNE).get(indicator=output(), district=home()).current


def say(by, text="为什么这么高？", vintage=None, indicator=None):
    return actions.remark(
        by=by, indicator=indicator or output(), district=home(), vintage=vintage or shown(), text=text
    )


def annotate(by, **said):
    given = {"happened_on": dt.date(2023, 5, 1), "title": "新厂投产", "source": "区工信局"} | said
    return actions.annotate(by=by, district=home(), **({"indicator": output()} | given))


# Remarks


@pytest.mark.parametrize("who", ["staff", "reviewer", "leader", "admin"])
def test_those_who_answer_for_a_figure_may_speak(cast, who):
    """工信局 owns industrial output."""
    one = say(getattr(cast, who), text=" 为什么这么高？ ")
    assert (one.text, one.vintage, one.written_by) == ("为什么这么高？", shown(), getattr(cast, who))


@pytest.mark.parametrize("who", ["staff2", "auditor"])
def test_others_read(cast, who):
    with pytest.raises(NotAllowed, match="责任单位"):
        say(getattr(cast, who))
    assert not Remark.objects.exists()


def test_department_that_reports_the_indicator_may_speak_too(cast):
    swj = Department.objects.get(code="swj")
    Assignment.objects.filter(indicator=output()).update(department=swj)
    assert say(cast.staff2).pk
    Assignment.objects.filter(indicator=output()).update(valid_to=timezone.localdate() - dt.timedelta(days=1))
    with pytest.raises(NotAllowed):
        say(cast.staff2)


def test_remark_says_something_about_its_own_figure(cast):
    with pytest.raises(Refused, match="写下内容"):
        say(cast.leader, text="  ")
    with pytest.raises(Refused, match="不是这项指标的"):
        say(cast.leader, indicator=Indicator.objects.get(code="gdp"))
    elsewhere = District.objects.get(code="220102")
    with pytest.raises(Refused, match="不是这项指标的"):
        actions.remark(by=cast.leader, indicator=output(), district=elsewhere, vintage=shown(), text="x")
    assert not Remark.objects.exists()
    unseen = actions.remark(by=cast.leader, indicator=output(), district=home(), vintage=None, text="何时有数？")
    assert unseen.vintage is None


def test_remark_stays_as_written(cast):
    say(cast.leader)
    for statement in ("UPDATE indicators_remark SET text = 'x'", "DELETE FROM indicators_remark"):
        with pytest.raises(IntegrityError, match="只能新增"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(IntegrityError, match="remark_says_something"), transaction.atomic():
        Remark.objects.create(district=home(), indicator=output(), text="", written_by=cast.leader)


def test_remark_remembers_what_was_shown(cast):
    say(cast.leader)
    (line,) = remark_lines(indicator=output(), district=HOME)
    assert (line.shown.text, line.number, line.period, line.is_revised) == ("223.7亿元", 1, JUNE, False)
    # Its own address: the figure's own is that of what holds now.
    assert line.shown.key == f"industrial_output/{HOME}/2023-06.ytd/vintage-1"
    figure("industrial_output", "2023-06.ytd", "224.1", unit="亿元", reason="更正")
    say(cast.leader, text="改了")
    newer, older = remark_lines(indicator=output(), district=HOME)
    assert (newer.shown.text, newer.number, newer.is_revised) == ("224.1亿元", 2, False)
    assert (older.shown.text, older.number, older.is_revised) == ("223.7亿元", 1, True)


def test_remarks_take_two_queries(cast):
    for number in range(5):
        say(cast.leader, text=f"第{number}条")
    before = timezone.now()
    say(cast.leader, text="后来的")
    indicator = output()
    with CaptureQueriesContext(connection) as queries:
        lines = remark_lines(indicator=indicator, district=HOME)
        assert [line.remark.written_by.name for line in lines] == [cast.leader.name] * 6
    assert len(queries) == 2
    assert len(remark_lines(indicator=output(), district=HOME, known_at=before)) == 5


# Events


@pytest.mark.parametrize("who", ["reviewer", "admin"])
def test_event_is_marked_with_its_source(cast, who):
    one = annotate(getattr(cast, who), text="二期")
    assert (one.title, one.source, one.written_by) == ("新厂投产", "区工信局", getattr(cast, who))


@pytest.mark.parametrize("who", ["staff", "leader", "auditor"])
def test_others_mark_and_withdraw_nothing(cast, who):
    with pytest.raises(NotAllowed, match="只有审核员和管理员"):
        annotate(getattr(cast, who))
    one = annotate(cast.admin)
    with pytest.raises(NotAllowed, match="只有审核员和管理员"):
        actions.withdraw_annotation(by=getattr(cast, who), annotation=one)
    assert Annotation.objects.filter(pk=one.pk).exists()


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"title": " "}, "标题和来源"),
        ({"source": ""}, "标题和来源"),
        ({"happened_on": dt.date(2999, 1, 1)}, "已经发生"),
    ],
)
def test_event_without_title_source_or_past_is_refused(cast, said, match):
    with pytest.raises(Refused, match=match):
        annotate(cast.admin, **said)


def test_table_refuses_events_without_source():
    for said in ({"title": ""}, {"source": ""}):
        given = {"title": "事", "source": "报", "happened_on": dt.date(2023, 1, 1), "district": home()} | said
        with pytest.raises(IntegrityError, match="annotation_has_source"), transaction.atomic():
            Annotation.objects.create(**given)


def test_withdrawn_event_stays_in_the_history(cast):
    one = annotate(cast.reviewer)
    pk = one.pk
    actions.withdraw_annotation(by=cast.admin, annotation=one)
    event = Event.objects.filter(model="indicators.annotation", object_pk=str(pk)).first()
    assert (event.operation, event.before["title"], event.actor_id) == ("delete", "新厂投产", cast.admin.pk)
    with pytest.raises(Conflict, match="已经撤下"):
        actions.withdraw_annotation(by=cast.admin, annotation=Annotation(pk=pk))


def test_events_of_one_indicator_and_of_all(cast):
    """The article dates one event itself: the meeting of 4 August (line 7; the year is inferred)."""
    annotate(cast.admin)
    annotate(cast.admin, indicator=Indicator.objects.get(code="gdp"), title="别的指标")
    indicator = output()
    with CaptureQueriesContext(connection) as queries:
        found = [(one.title, str(one.written_by or "")) for one in events(indicator=indicator, district=HOME)]
    assert found == [("区委六届五次全体会议", ""), ("新厂投产", cast.admin.name)]
    assert len(queries) == 1
    then = timezone.make_aware(dt.datetime(2023, 8, 3))
    assert list(events(indicator=output(), district=HOME, known_at=then)) == []


def test_loading_again_leaves_a_withdrawn_event_withdrawn(cast):
    meeting = Annotation.objects.get()
    assert (str(meeting.happened_on), meeting.indicator) == ("2023-08-04", None)
    call_command("load_fixtures", verbosity=0)
    assert list(Annotation.objects.all()) == [meeting]
    actions.withdraw_annotation(by=cast.admin, annotation=meeting)
    call_command("load_fixtures", verbosity=0)
    assert not Annotation.objects.exists()


# Pages


def fragment(name: str, cast, who: str, known_at=None) -> str:
    """The fragment as an indicator's page includes it."""
    user = getattr(cast, who)
    row = figure_row(indicator=output(), district=HOME, period=JUNE, user=user)
    context = story_context(row, indicator=output(), district=HOME, user=user, known_at=known_at)
    request = RequestFactory().get(PAGE)
    request.user = user
    return render_to_string(name, context | {"indicator": output(), "row": row}, request=request)


def test_fragment_shows_remarks_and_a_form_to_those_who_may(cast):
    say(cast.leader)
    figure("industrial_output", "2023-06.ytd", "224.1", unit="亿元", reason="更正")
    page = fragment("indicators/_remarks.html", cast, "auditor")
    for said in ("T-Leader", "领导", "当时显示", "223.7亿元", "第1版", "此后已修订"):
        assert said in page
    assert "<form" not in page
    page = fragment("indicators/_remarks.html", cast, "staff")
    assert 'name="number" value="2"' in page
    assert 'name="period" value="2023-06.ytd"' in page
    assert "<form" not in fragment("indicators/_remarks.html", cast, "staff", known_at=timezone.now())
    assert "<form" not in fragment("indicators/_remarks.html", cast, "staff2")


def test_fragment_shows_events_and_a_form_to_those_who_may(cast):
    page = fragment("indicators/_annotations.html", cast, "leader")
    assert "区委六届五次全体会议" in page
    assert "全部指标" in page
    assert "<form" not in page
    assert "撤下" in fragment("indicators/_annotations.html", cast, "reviewer")


def test_stories_take_the_same_queries_for_few_and_many(cast):
    def count(who: str) -> int:
        user = getattr(cast, who)
        indicator = output()
        row = figure_row(indicator=indicator, district=HOME, period=JUNE, user=user)
        with CaptureQueriesContext(connection) as queries:
            story_context(row, indicator=indicator, district=HOME, user=user)
        return len(queries)

    say(cast.leader)
    few = {who: count(who) for who in ("leader", "staff", "staff2")}
    for _ in range(4):
        say(cast.leader)
        annotate(cast.admin)
    assert {who: count(who) for who in few} == few
    assert few["staff2"] == few["leader"] + 1 <= 4


def test_page_takes_a_remark_and_keeps_what_was_refused(signed_in):
    client = signed_in("leader")
    said = {"text": "为什么这么高？", "period": "2023-06.ytd", "number": "1"}
    response = client.post(f"{PAGE}remarks/", said)
    assert (response.status_code, response["Location"]) == (302, f"{PAGE}#remarks")
    assert Remark.objects.get().vintage.value == D("223.7")
    assert client.post(f"{PAGE}remarks/", {"text": "何时有数？"}).status_code == 302
    assert Remark.objects.filter(vintage=None).count() == 1
    empty = client.post(f"{PAGE}remarks/", said | {"text": ""})
    assert empty.status_code == 422
    assert 'value="2023-06.ytd"' in empty.content.decode()
    assert client.post(f"{PAGE}remarks/", said | {"number": "9"}).status_code == 404
    assert client.post(f"{PAGE}remarks/", said | {"period": "x"}).status_code == 404
    assert client.post(f"{PAGE}remarks/", said | {"text": "字" * 501}).status_code == 422
    assert Remark.objects.count() == 2


def test_page_marks_and_withdraws_an_event(signed_in):
    client = signed_in("reviewer")
    said = {"happened_on": "2023-05-01", "title": "新厂投产", "text": "", "source": "区工信局"}
    assert client.post(f"{PAGE}annotations/", said).status_code == 302
    assert client.post(f"{PAGE}annotations/", said | {"title": "全区的事", "for_all": "on"}).status_code == 302
    own, shared = Annotation.objects.get(title="新厂投产"), Annotation.objects.get(title="全区的事")
    assert (own.indicator, shared.indicator) == (output(), None)
    late = client.post(f"{PAGE}annotations/", said | {"happened_on": "2999-01-01"})
    assert late.status_code == 409
    assert "新厂投产" in late.content.decode()
    assert client.post(f"{PAGE}annotations/", said | {"title": ""}).status_code == 422
    assert client.post(f"/indicators/gdp/annotations/{own.pk}/withdraw/").status_code == 404
    assert client.post(f"{PAGE}annotations/{own.pk}/withdraw/").status_code == 302
    assert client.post(f"{PAGE}annotations/{own.pk}/withdraw/").status_code == 404
    assert not Annotation.objects.filter(pk=own.pk).exists()
