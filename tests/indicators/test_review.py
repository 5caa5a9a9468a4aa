"""The reviewers' queue and decisions: pages, bulk approval, single cells, and what the database forbids."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.models import Entry, ReturnedCell, Round, Submission, Transition, Vintage
from indicators.refusals import NotAllowed
from lvyuan.accounts.models import Department, User
from tests.conftest import make_user
from tests.indicators.factories import imported, month_end, staged_job
from tests.indicators.test_corrections import rewrite, save

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    """The page's text, tags and runs of blanks taken out."""
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def row_of(response, name: str) -> str:
    """The text of the table row whose heading is `name`."""
    rows = response.content.decode().split("<tr")
    (row,) = [row for row in rows if re.search(rf">\s*{name}\s*</a>", row)]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row.partition(">")[2]))


def handed_in(forms: list[Submission]) -> None:
    """The steps that the factory left out."""
    Transition.objects.bulk_create(
        Transition(submission=form, from_state="draft", to_state="submitted", by=form.submitted_by) for form in forms
    )


def slip(form: Submission) -> Entry:
    """Ten times too much in one line: a quasi-mandatory finding, explained."""
    entry = form.entries.order_by("indicator__order").first()
    entry.value, entry.note = D("1100.0"), "新投产两条生产线，产量提高"
    entry.save()
    return entry


def version(form: Submission) -> int:
    return Submission.objects.get(pk=form.pk).row_version


def seen(*forms: Submission) -> dict[int, int]:
    return {form.pk: form.row_version for form in forms}


# The queue


def test_queue_tells_department_lateness_findings_and_changes(cast, signed_in):
    first, second = month_end(2, each=3)
    handed_in([first, second])
    slip(second)
    Round.objects.filter(pk=first.round_id).update(due_at=timezone.now() - dt.timedelta(days=3))
    page = signed_in("reviewer").get("/reviews/")
    assert "2024年3月 2 份" in text_of(page)
    row = row_of(page, "第0局")
    for said in ("迟报3天", "3 项", "无问题", "首次 3 项", "可以"):
        assert said in row, said
    row = row_of(page, "第1局")
    for said in ("准强制性 1", "有1处核查问题，请逐份审核。"):
        assert said in row, said
    assert page.content.decode().count('name="form"') == 1  # the other has no box


def test_queue_counts_the_cells_that_differ_from_what_is_in_force(cast, signed_in):
    (form,) = month_end(1, each=3)
    handed_in([form])
    actions.approve(by=cast.reviewer, submission=form, row_version=form.row_version)
    actions.reopen(by=cast.reviewer, submission=form, row_version=version(form), reason="更正")
    first = form.entries.order_by("indicator__order").first()
    save(form, rewrite(first, value=D("110.4"), note="一户企业漏报", status="preliminary", reason="补报"))
    actions.submit(by=form.submitted_by, submission=form)
    row = row_of(signed_in("reviewer").get("/reviews/"), "第0局")
    assert "改动 3 格" in row  # value, note, status
    assert "首次" not in row


def test_queue_groups_by_round_or_department_and_counts_states(cast, signed_in):
    month_end(2, each=1)
    client = signed_in("reviewer")
    by_round = text_of(client.get("/reviews/"))
    assert by_round.startswith(" 审核") or "待审核 2" in by_round
    assert "2024年3月 2 份" in by_round
    by_department = text_of(client.get("/reviews/?by=department"))
    assert "第0局 1 份" in by_department
    assert "第1局 1 份" in by_department
    for wrong in ("?state=nonsense", "?by=nonsense"):
        assert client.get(f"/reviews/{wrong}").status_code == 404
    for state in Submission.State.values:
        assert client.get(f"/reviews/?state={state}").status_code == 200


def test_auditor_reads_the_queue_and_ticks_nothing(cast, signed_in):
    month_end(1, each=1)
    page = signed_in("auditor").get("/reviews/").content.decode()
    assert "第0局" in page
    assert 'type="checkbox"' not in page
    assert "批量通过</button>" not in page


@pytest.mark.parametrize("path", ["/reviews/", "/reviews/?by=department"])
def test_queue_takes_the_same_queries_for_one_form_and_thirty(cast, signed_in, path):
    client = signed_in("reviewer")

    def count() -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    handed_in(month_end(1, each=1))
    one = count()
    handed_in(month_end(29, each=3))
    assert count() == one <= 20


# Bulk approval


def test_bulk_approval_approves_what_has_no_open_findings_and_tells_of_the_rest(cast, signed_in):
    fine, slipped, changed, done = month_end(4, each=2)
    slip(slipped)
    chosen = [f"{form.pk}-{form.row_version}" for form in (fine, slipped, changed, done)]
    Submission.objects.filter(pk=changed.pk).update(row_version=9)
    actions.approve(by=cast.reviewer2, submission=done, row_version=done.row_version)
    response = signed_in("reviewer").post("/reviews/approve/", {"form": chosen}, follow=True)
    text = text_of(response)
    for said in (
        "已通过1份，2项数据即时生效：第0局。",
        "没有通过：第1局——有1处核查问题，请逐份审核。",
        "没有通过：第2局——打开之后有改动，请核对最新内容。",
        "没有通过：第3局——这份报送目前是“已通过”，不能通过。",
    ):
        assert said in text, said
    states = dict(Submission.objects.filter(round=fine.round).values_list("department__name", "state"))
    assert states == {"第0局": "approved", "第1局": "submitted", "第2局": "submitted", "第3局": "approved"}
    assert Vintage.objects.filter(entry__submission=fine).count() == 2
    assert not Vintage.objects.filter(entry__submission__in=[slipped, changed]).exists()


def test_bulk_approval_never_takes_ones_own(cast):
    own, other = month_end(2, each=1)
    own.entries.update(edited_by=cast.reviewer)
    done = actions.approve_many(by=cast.reviewer, seen=seen(own, other))
    assert [form.pk for form in done.approved] == [other.pk]
    ((refused, why_not),) = done.refused
    assert refused.pk == own.pk
    assert "另一位审核员" in why_not


def test_bulk_approval_of_nothing_is_refused_and_keeps_the_ticks(cast, signed_in):
    (form,) = month_end(1, each=1)
    client = signed_in("reviewer")
    for data in ({}, {"form": ["nonsense"]}, {"form": ["99999999-1"]}):
        response = client.post("/reviews/approve/", data)
        assert response.status_code == 409
        assert "请先勾选要通过的报送" in text_of(response)
    assert Submission.objects.get(pk=form.pk).state == "submitted"


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_only_reviewers_approve_in_bulk(cast, who):
    (form,) = month_end(1, each=1)
    with pytest.raises(NotAllowed, match="只有审核员"):
        actions.approve_many(by=getattr(cast, who), seen=seen(form))


def test_bulk_approval_takes_the_same_queries_for_one_form_and_thirty(cast):
    def count(forms: list[Submission]) -> int:
        with CaptureQueriesContext(connection) as queries:
            done = actions.approve_many(by=cast.reviewer, seen=seen(*forms))
        assert len(done.approved) == len(forms)
        return len(queries)

    assert count(month_end(30, each=5)) == count(month_end(1, each=1))


def test_every_figure_of_a_bulk_approval_is_told_to_its_department(cast):
    forms = month_end(3, each=1)
    actions.approve_many(by=cast.reviewer, seen=seen(*forms))
    for form in forms:
        assert list(form.submitted_by.notices.values_list("kind", flat=True)) == ["approved"]


# One form


def test_page_sets_each_cell_against_what_is_in_force(cast, signed_in):
    (form,) = month_end(1, each=2)
    actions.approve(by=cast.reviewer, submission=form, row_version=form.row_version)
    actions.reopen(by=cast.reviewer, submission=form, row_version=version(form), reason="更正")
    first, second = form.entries.order_by("indicator__order")
    save(form, rewrite(first, value=D("110.4"), growth=D("10.4"), status="preliminary", reason="企业报表更正"))
    actions.submit(by=form.submitted_by, submission=form)
    page = signed_in("reviewer").get(f"/reviews/{form.pk}/")
    row = row_of(page, first.indicator.name)
    for said in (
        "将替代现行数据",
        "110.4亿元 现行 110.0亿元",
        "10.4% 现行 10.0%",
        "71.3亿元",
        "2024年1—2月",
        "100.0亿元",
    ):
        assert said in row, said
    text = text_of(page)
    assert "数据状态： 初步核算 现行 快报 · 修订理由：企业报表更正" in text
    assert "现行" in row_of(page, second.indicator.name)
    assert "改动 3 格" in text


def test_page_tells_findings_explanation_evidence_and_what_is_missing(cast, signed_in):
    (form,) = month_end(1, each=2)
    entry = slip(form)
    form.entries.exclude(pk=entry.pk).delete()
    text = text_of(signed_in("reviewer").get(f"/reviews/{form.pk}/"))
    for said in ("准强制性", "新投产两条生产线，产量提高", "已写说明", "应报未填 1 项", "首次录入"):
        assert said in text, said


def test_page_tells_which_cells_were_returned_before_and_why(cast, signed_in):
    (form,) = month_end(1, each=2)
    first = form.entries.order_by("indicator__order").first()
    client = signed_in("reviewer")
    data = {
        "row_version": form.row_version,
        "reason": "",
        f"cell-{first.pk}-growth": "on",
        f"why-{first.pk}-growth": "与公布数不一致",
        f"why-{first.pk}-note": "没有说原因",  # a reason alone ticks the cell
    }
    response = client.post(f"/reviews/{form.pk}/return/", data)
    assert (response.status_code, response["Location"]) == (302, f"/reviews/{form.pk}/")
    cells = ReturnedCell.objects.filter(entry=first).values_list("field", "reason")
    assert set(cells) == {("growth", "与公布数不一致"), ("note", "没有说原因")}
    actions.submit(by=form.submitted_by, submission=form)
    text = text_of(client.get(f"/reviews/{form.pk}/"))
    assert "曾退回 同比增长：与公布数不一致 T-Reviewer" in text
    assert "曾退回 说明：没有说原因 T-Reviewer" in text


def test_ticked_cell_without_a_reason_keeps_everything_typed(cast, signed_in):
    (form,) = month_end(1, each=2)
    first, second = form.entries.order_by("indicator__order")
    data = {
        "row_version": form.row_version,
        "reason": "",
        f"cell-{first.pk}-value": "on",
        f"cell-{second.pk}-line": "on",
        f"why-{second.pk}-line": "口径已调整",
    }
    response = signed_in("reviewer").post(f"/reviews/{form.pk}/return/", data)
    page = response.content.decode()
    assert response.status_code == 422
    assert "请写明这一项的理由" in page
    assert "口径已调整" in page
    assert page.count("checked") == 2
    assert page.count('<details class="send-back"\n         open>') == 2 or page.count("open>") == 2
    assert Submission.objects.get(pk=form.pk).state == "submitted"


def test_return_without_any_reason_is_refused(cast, signed_in):
    (form,) = month_end(1, each=1)
    response = signed_in("reviewer").post(f"/reviews/{form.pk}/return/", {"row_version": form.row_version})
    assert response.status_code == 422
    assert "没有办理。请写明理由" in text_of(response)


def test_conflict_keeps_what_was_typed_though_the_form_is_not_offered_any_more(cast, signed_in):
    (form,) = month_end(1, each=1)
    entry = form.entries.get()
    actions.approve(by=cast.reviewer2, submission=form, row_version=form.row_version)
    actions.reopen(by=cast.reviewer2, submission=form, row_version=version(form), reason="更正")
    data = {"row_version": form.row_version, "reason": "写了很久的理由", f"why-{entry.pk}-value": "单位有误"}
    response = signed_in("reviewer").post(f"/reviews/{form.pk}/return/", data)
    text = text_of(response)
    assert response.status_code == 409
    for said in ("目前是“已退回”，不能退回", "您刚才填写、没有提交的内容", "写了很久的理由", "单位有误"):
        assert said in text, said


def test_conflict_while_still_offered_fills_the_form_again(cast, signed_in):
    (form,) = month_end(1, each=1)
    entry = form.entries.get()
    data = {"row_version": form.row_version - 1, "reason": "写了很久的理由", f"why-{entry.pk}-value": "单位有误"}
    response = signed_in("reviewer").post(f"/reviews/{form.pk}/return/", data)
    page = response.content.decode()
    assert response.status_code == 409
    assert "在您打开之后有改动" in page
    assert "写了很久的理由</textarea>" in page
    assert 'value="单位有误"' in page
    assert f'name="row_version" value="{form.row_version}"' in page


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("not_started", {"excuse"}),
        ("draft", {"excuse"}),
        ("signing", set()),
        ("submitted", {"approve", "return"}),
        ("returned", {"excuse"}),
        ("approved", {"reopen"}),
        ("excused", {"resume"}),
    ],
)
def test_page_offers_exactly_what_is_allowed(cast, signed_in, state, offered):
    (form,) = month_end(1, each=1)
    now = timezone.now()
    Submission.objects.filter(pk=form.pk).update(state=state, reviewed_by=cast.reviewer2, reviewed_at=now)

    def deeds(who: str) -> set[str]:
        page = signed_in(who).get(f"/reviews/{form.pk}/").content.decode()
        return set(re.findall(rf'action="/reviews/{form.pk}/(\w+)/"', page))

    assert deeds("reviewer") == offered
    assert deeds("auditor") == set()


def test_reopen_excuse_and_resume_by_the_page(cast, signed_in):
    first, second = month_end(2, each=1)
    client = signed_in("reviewer")
    actions.approve(by=cast.reviewer2, submission=first, row_version=first.row_version)
    Submission.objects.filter(pk=second.pk).update(state="draft")

    def post(form: Submission, deed: str, reason: str) -> tuple[int, str]:
        data = {"row_version": version(form), "reason": reason}
        status = client.post(f"/reviews/{form.pk}/{deed}/", data).status_code
        return status, Submission.objects.get(pk=form.pk).state

    assert post(first, "reopen", "") == (422, "approved")
    assert post(first, "reopen", "统计局更正") == (302, "returned")
    assert post(second, "excuse", " ") == (422, "draft")
    assert post(second, "excuse", "企业停产") == (302, "excused")
    assert post(second, "resume", "") == (422, "excused")
    assert post(second, "resume", "已复产") == (302, "draft")


def test_import_is_returned_as_a_whole(cast, signed_in):
    job = staged_job(cast.admin, [("industrial_output", "2023-07.ytd", "254.1", None)])
    submission = actions.submit_staged(by=cast.admin, job=job)
    assert imported().get() == submission
    page = signed_in("reviewer").get(f"/reviews/{submission.pk}/").content.decode()
    assert f'action="/reviews/{submission.pk}/return/"' in page
    assert "退回这一项" not in page


def test_review_page_takes_the_same_queries_for_one_figure_and_thirty(cast, signed_in):
    client = signed_in("reviewer")

    def count(form: Submission) -> int:
        client.get(f"/reviews/{form.pk}/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/reviews/{form.pk}/").status_code == 200
        return len(queries)

    ((one,), (many,)) = month_end(1, each=1), month_end(1, each=30)
    assert count(many) == count(one) <= 26


# The department's own steps


@pytest.fixture
def head(cast) -> User:
    person = make_user("t-head", "staff", "gxj")
    person.is_department_head = True
    person.save(update_fields=["is_department_head"])
    cast.head = person
    Department.objects.filter(code="gxj").update(needs_sign_off=True)
    return person


def form_of(form: Submission) -> str:
    return f"/rounds/{form.round.code}/{form.department.code}/"


def test_withdraw_by_the_page(cast, signed_in, client):
    (form,) = month_end(1, each=1)
    client.force_login(form.submitted_by, backend="lvyuan.accounts.backends.AccountBackend")
    page = client.get(form_of(form)).content.decode()
    assert f'action="/submissions/{form.pk}/withdraw/"' in page
    response = client.post(f"/submissions/{form.pk}/withdraw/", {"row_version": form.row_version})
    assert (response.status_code, response["Location"]) == (302, form_of(form))
    again = client.post(f"/submissions/{form.pk}/withdraw/", {"row_version": form.row_version})
    assert again.status_code == 409
    assert "目前是“填报中”，不能撤回" in text_of(again)


def test_sign_and_decline_by_the_page(cast, head, signed_in):
    from tests.indicators.test_actions import save as fill_in

    cast.staff.department.refresh_from_db()
    july = Round.objects.get(code="2023-07")
    form = actions.send_for_signature(by=cast.staff, submission=fill_in(cast.staff, july))
    client = signed_in("head")
    page = client.get(form_of(form)).content.decode()
    assert f'action="/submissions/{form.pk}/sign/"' in page
    assert f'action="/submissions/{form.pk}/decline/"' in page
    blank = client.post(f"/submissions/{form.pk}/decline/", {"row_version": form.row_version, "reason": ""})
    assert blank.status_code == 422
    assert f'action="/submissions/{form.pk}/decline/"' in blank.content.decode()
    stale = client.post(f"/submissions/{form.pk}/decline/", {"row_version": 1, "reason": "写了很久的理由"})
    assert stale.status_code == 409
    assert "写了很久的理由</textarea>" in stale.content.decode()
    assert (
        signed_in("staff").post(f"/submissions/{form.pk}/sign/", {"row_version": form.row_version}).status_code == 403
    )
    assert signed_in("staff2").post(f"/submissions/{form.pk}/sign/").status_code == 404
    response = signed_in("head").post(f"/submissions/{form.pk}/sign/", {"row_version": form.row_version})
    assert (response.status_code, response["Location"]) == (302, form_of(form))
    late = signed_in("head").post(f"/submissions/{form.pk}/decline/", {"row_version": 1, "reason": "写了很久的理由"})
    assert late.status_code == 409
    assert "写了很久的理由" in text_of(late)
