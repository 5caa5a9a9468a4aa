"""Cells saved one by one: what a typed text becomes, who may write over what, and what it costs."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.cells import Cell, shown_texts, unread_problems, write_cell
from indicators.grid import owed_with_pool
from indicators.models import Entry, LockException, Round, Submission
from indicators.refusals import NotAllowed
from lvyuan.audit.models import Event
from tests.conftest import make_user
from tests.indicators.test_actions import draft, save

pytestmark = pytest.mark.django_db
CELLS = "/rounds/2023-07/gxj/cells/"


@pytest.fixture
def july() -> Round:
    return Round.objects.get(code="2023-07")


def cell(field: str, text: str, seen: str = "", indicator: str = "industrial_output") -> Cell:
    return Cell(indicator=indicator, field=field, text=text, seen=seen)


def write(by, *cells: Cell) -> list[tuple[str, str]]:
    """Outcome and text of each cell."""
    _, done = actions.save_cells(by=by, code="2023-07", department=by.department, cells=cells)
    return [(one.outcome, one.text) for one in done]


# What a text means


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        ("value", "223.7", "223.7亿元"),
        ("value", "2,237,000万元", "223.7亿元"),
        ("value", "２２３．７", "223.7亿元"),
        ("value", "223.7亿", "223.7亿元"),
        ("value", "2237000万", "223.7亿元"),
        ("value", "450余", "450余亿元"),
        ("value", "450余亿", "450余亿元"),
        ("value", "223.70", "223.70亿元"),
        ("value", "—", "—"),
        ("value", "223.7\n", "223.7亿元"),
        ("growth", "12.3%", "12.3"),
        ("growth", "-6.0", "-6.0"),
        ("growth", "持平", "0"),
        ("rank_place", "第2位", "2"),
        ("rank_place", "２", "2"),
        ("note", " 两家企业退库。\r\n按修订数 ", "两家企业退库。\n按修订数"),
        ("note", "一\0二", "一二"),
    ],
)
def test_text_is_understood_as_people_write_it(cast, july, field, text, shown):
    assert write(cast.staff, cell(field, text)) == [("saved", shown)]
    assert shown_texts(Entry.objects.get())[field] == shown


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("value", "abc", "不是认得的数据写法"),
        ("value", "3.7万户", "两种单位不可换算"),
        ("value", "近万", "没有单位"),
        ("growth", "近3", "确切数值"),
        ("growth", "下降6", "方向词不能代替正负号"),
        ("rank_place", "9", "位次不能大于范围内的区数 5"),
        ("rank_place", "0", "位次从 1 起"),
        ("rank_place", "二", "位次请填整数"),
    ],
)
def test_what_is_no_figure_is_kept_as_typed(cast, july, field, text, said):
    submission, [saved] = actions.save_cells(
        by=cast.staff, code="2023-07", department=cast.staff.department, cells=[cell(field, text)]
    )
    assert (saved.outcome, saved.text) == ("invalid", text)
    assert said in saved.message
    entry = Entry.objects.get()
    assert (entry.unread, entry.is_blank) == ({field: text}, True)
    assert shown_texts(entry)[field] == text
    assert unread_problems(entry, unit="亿元", pool=owed_with_pool(july, submission.department)[1]) == {
        field: saved.message
    }
    # Mended, it is a figure; emptied, it is nothing.
    assert write(cast.staff, cell(field, "", seen=text)) == [("saved", "")]
    assert Entry.objects.get().unread == {}


def test_text_that_is_too_long_is_not_kept(cast, july):
    write(cast.staff, cell("note", "原来的说明"))
    assert write(cast.staff, cell("note", "长" * 501, seen="原来的说明")) == [("invalid", "原来的说明")]
    assert Entry.objects.get().note == "原来的说明"


def test_one_bad_cell_keeps_no_other_from_being_saved(cast, july):
    cells = [cell("value", "254.1"), cell("growth", "abc"), cell("note", "平稳")]
    assert write(cast.staff, *cells) == [("saved", "254.1亿元"), ("invalid", "abc"), ("saved", "平稳")]
    entry = Entry.objects.get()
    assert (entry.value, entry.growth, entry.note, entry.unread) == (D("254.1"), None, "平稳", {"growth": "abc"})


def test_a_cell_changes_no_other_cell(cast, july):
    """Not even what no cell can say: the basis of a growth, the wording of an inexact figure."""
    save(cast.staff, july, draft(growth_basis="comparable", comparator=">", printed="450余亿元", value=D("450")))
    write(cast.staff, cell("note", "改说明", seen="平稳"))
    entry = Entry.objects.get()
    assert (entry.growth_basis, entry.comparator, entry.printed) == ("comparable", ">", "450余亿元")


# Ranks: place and what it is ranked by


def test_place_without_a_basis_is_unstated(cast, july):
    _, [saved] = actions.save_cells(
        by=cast.staff, code="2023-07", department=cast.staff.department, cells=[cell("rank_place", "2")]
    )
    assert saved.also == {"rank_by": "unstated"}
    assert write(cast.staff, cell("rank_by", "growth", seen="unstated")) == [("saved", "growth")]
    assert write(cast.staff, cell("rank_by", "", seen="growth")) == [("saved", "unstated")]
    entry = Entry.objects.get()
    assert (entry.rank_place, entry.rank_by, entry.rank_pool.code) == (2, "unstated", "five-urban-districts")


def test_place_and_basis_pasted_at_once_are_no_conflict(cast, july):
    assert write(cast.staff, cell("rank_place", "2"), cell("rank_by", "level")) == [("saved", "2"), ("saved", "level")]


def test_bad_place_leaves_the_basis(cast, july):
    write(cast.staff, cell("rank_place", "2"), cell("rank_by", "growth"))
    assert write(cast.staff, cell("rank_place", "6", seen="2")) == [("invalid", "6")]
    entry = Entry.objects.get()
    assert (entry.rank_place, entry.rank_by, entry.unread) == (None, "growth", {"rank_place": "6"})


def test_basis_that_does_not_exist_is_told(cast, july):
    write(cast.staff, cell("rank_place", "2"))
    assert write(cast.staff, cell("rank_by", "luck", seen="unstated")) == [("invalid", "luck")]
    assert Entry.objects.get().rank_by == "unstated"


# Two people


def test_cell_is_only_written_over_what_was_seen(cast, july):
    colleague = make_user("t-colleague", "staff", "gxj")
    write(colleague, cell("value", "255"))
    _, [told] = actions.save_cells(
        by=cast.staff, code="2023-07", department=cast.staff.department, cells=[cell("value", "254.1")]
    )
    assert (told.outcome, told.text, told.by) == ("conflict", "255亿元", "T-Colleague")
    assert Entry.objects.get().value == D("255")
    assert write(cast.staff, cell("value", "254.1", seen="255亿元")) == [("saved", "254.1亿元")]


def test_contested_cell_keeps_no_other_from_being_saved(cast, july):
    write(make_user("t-colleague", "staff", "gxj"), cell("value", "255"))
    assert write(cast.staff, cell("value", "254.1"), cell("growth", "16.2")) == [
        ("conflict", "255亿元"),
        ("saved", "16.2"),
    ]


@pytest.mark.parametrize("again", ["255", "255亿元", "2550000万元"])
def test_same_text_contests_nothing(cast, july, again):
    """Whose answer was lost on the way sends again, over a text long since replaced by their own."""
    write(cast.staff, cell("value", "255"))
    assert write(cast.staff, cell("value", again)) == [("saved", "255亿元")]
    assert Submission.objects.get(department=cast.staff.department).row_version == 1


def test_text_that_changes_nothing_counts_as_no_change(cast, july):
    write(cast.staff, cell("value", "255"))
    before = Entry.objects.get().edited_at
    submission, _ = actions.save_cells(
        by=cast.staff, code="2023-07", department=cast.staff.department, cells=[cell("value", "255", seen="255亿元")]
    )
    assert (submission.row_version, Entry.objects.get().edited_at) == (1, before)


# Who may


def test_first_cell_begins_the_form_and_history_names_its_writer(cast, july):
    submission, _ = actions.save_cells(
        by=cast.staff, code="2023-07", department=cast.staff.department, cells=[cell("value", "254.1")]
    )
    assert (submission.state, submission.row_version) == ("draft", 1)
    assert Event.objects.about(Entry.objects.get()).first().actor_id == cast.staff.pk


def test_form_that_nobody_laid_out_is_made(cast, july):
    Submission.objects.filter(department=cast.staff.department).delete()
    assert write(cast.staff, cell("value", "254.1")) == [("saved", "254.1亿元")]


def test_cells_of_others_are_not_allowed(cast, july):
    with pytest.raises(NotAllowed, match="不由工信局"):
        write(cast.staff, cell("value", "1", indicator="domestic_capital"))
    for who in (cast.staff2, cast.reviewer, cast.admin):
        with pytest.raises(NotAllowed):
            actions.save_cells(by=who, code="2023-07", department=cast.staff.department, cells=[cell("value", "1")])
    assert not Entry.objects.exists()


def test_locked_cells_are_answered_one_by_one(cast, july):
    write(cast.staff, cell("value", "254.1"), cell("growth", "16.2"))
    submission = Submission.objects.get(department=cast.staff.department)
    actions.submit(by=cast.staff, submission=submission)
    _, [told] = actions.save_cells(
        by=cast.staff,
        code="2023-07",
        department=cast.staff.department,
        cells=[cell("value", "1", seen="254.1亿元")],
    )
    assert (told.outcome, told.text) == ("locked", "254.1亿元")
    assert "正在等待审核" in told.message


def returned(cast, july) -> Submission:
    """A form whose rank alone was returned."""
    write(cast.staff, cell("value", "254.1"), cell("growth", "16.2"), cell("rank_place", "1"))
    submission = actions.submit(by=cast.staff, submission=Submission.objects.get(department=cast.staff.department))
    reason = actions.CellReturn(entry_id=Entry.objects.get().pk, field="rank_place", reason="与通报不符")
    return actions.return_submission(
        by=cast.reviewer, submission=submission, row_version=submission.row_version, reason="位次", cells=[reason]
    )


# The page's script


def post(client, *cells: dict, address: str = CELLS):
    return client.post(address, json.dumps({"cells": cells}), content_type="application/json")


def sent(field: str, text: str, seen: str = "") -> dict[str, str]:
    return {"indicator": "industrial_output", "field": field, "text": text, "seen": seen}


def test_request_answers_cell_by_cell(signed_in, july):
    answer = post(signed_in("staff"), sent("value", "254.1"), sent("growth", "abc"), sent("rank_place", "1"))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    assert told["row_version"] == 1
    assert [(one["field"], one["outcome"], one["text"]) for one in told["cells"]] == [
        ("value", "saved", "254.1亿元"),
        ("growth", "invalid", "abc"),
        ("rank_place", "saved", "1"),
    ]
    assert told["cells"][2]["also"] == {"rank_by": "unstated"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"cells": []}',
        '{"cells": [1]}',
        '{"cells": [{"indicator": "industrial_output", "field": "value", "text": 1, "seen": ""}]}',
        '{"cells": [{"indicator": "industrial_output", "field": "unread", "text": "", "seen": ""}]}',
        '{"cells": [{"indicator": "a\\u0000b", "field": "value", "text": "", "seen": ""}]}',
        '{"cells": [{"indicator": "industrial_output", "field": "note", "text": "\\ud800", "seen": ""}]}',
        "[" * 100_000,
        b"\xff",
    ],
)
def test_request_of_another_shape_is_refused_in_words(signed_in, july, body):
    answer = signed_in("staff").post(CELLS, body, content_type="application/json")
    assert answer.status_code == 400
    assert "没有保存" in answer.json()["error"]
    assert not Entry.objects.exists()


def test_request_for_others_lines_is_refused_in_words(signed_in, july):
    answer = post(signed_in("staff"), sent("value", "1") | {"indicator": "domestic_capital"})
    assert (answer.status_code, "没有保存" in answer.json()["error"]) == (403, True)
    assert post(signed_in("staff"), sent("value", "1"), address="/rounds/1999-01/gxj/cells/").status_code == 404
    assert post(signed_in("staff"), sent("value", "1"), address="/rounds/2023-07/swj/cells/").status_code == 404


def queries_of(client, *cells: dict) -> int:
    """Queries of the whole request, all but those that only mark where a transaction begins and ends.

    Session, user and the two that tell the history who acts are among them.
    """
    with CaptureQueriesContext(connection) as found:
        answer = post(client, *cells)
    assert {one["outcome"] for one in answer.json()["cells"]} == {"saved"}
    marks = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return sum(not query["sql"].startswith(marks) for query in found.captured_queries)


def test_saving_a_cell_takes_eight_queries(signed_in, july):
    client = signed_in("staff")
    assert queries_of(client, sent("value", "254.1")) == 8  # the very first, which also begins the form
    assert queries_of(client, sent("value", "254.2", seen="254.1亿元")) == 8
    assert queries_of(client, sent("growth", "16.2")) == 8
    assert queries_of(client, sent("rank_place", "1")) == 8
    assert (
        queries_of(client, sent("note", "说明"), sent("growth", "1", seen="16.2"), sent("value", "2", "254.2亿元")) == 8
    )


def test_saving_a_returned_cell_takes_eight_queries(signed_in, cast, july):
    returned(cast, july)
    assert queries_of(signed_in("staff"), sent("rank_place", "2", seen="1")) == 8


def test_saving_under_an_exception_takes_one_query_more(signed_in, cast, july):
    write(cast.staff, cell("value", "254.1"))
    now = timezone.now()
    Round.objects.filter(pk=july.pk).update(closes_at=now - dt.timedelta(hours=1))
    LockException.objects.create(
        lock="closed",
        round=july,
        department=cast.staff.department,
        reason="补报",
        granted_by=cast.reviewer,
        granted_at=now,
        expires_at=now + dt.timedelta(days=1),
    )
    assert queries_of(signed_in("staff"), sent("value", "254.2", seen="254.1亿元")) == 9


def test_write_cell_leaves_the_entry_unsaved(cast, july):
    save(cast.staff, july)
    entry = Entry.objects.get()
    assert write_cell(entry, "value", "300", unit="亿元", pool=None) == ""
    assert (entry.value, Entry.objects.get().value) == (D("300"), D("254.1"))
