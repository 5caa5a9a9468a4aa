"""Pages of the import: who may do what, and how every way through them ends. What is imported stands in for itself."""

from __future__ import annotations

import io
from types import SimpleNamespace

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone

from lvyuan.accounts.models import Role
from lvyuan.imports import actions, pages, registry, views
from lvyuan.imports.models import ImportJob, ImportProblem, SavedMapping, StagedRecord
from lvyuan.imports.table import RETURNED_HEADS, SUFFIXES
from lvyuan.imports.working import Activity
from tests.conftest import make_user
from tests.imports import files
from tests.imports.standin import StandIn

pytestmark = pytest.mark.django_db
LIST, CREATE = "/imports/", "/imports/new/"
DEEDS = ("answer", "confirm", "resume", "cancel", "undo")
GOOD = (["名称", "数值", "别的"], ["新", "3", "x"], ["旧", "4", "x"], ["同", "1", "x"])
BAD = (*GOOD, ["坏", "一百", "=1+1"], ["疑", "9", "x"])


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture(autouse=True)
def kind(monkeypatch) -> StandIn:
    kind = StandIn()
    monkeypatch.setitem(registry._kinds, kind.code, kind)
    return kind


def a_file(*rows: list[str], name: str = "七月.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.csv_bytes(*(rows or GOOD)))


def post_file(client, upload: object, **more: str):
    return client.post(CREATE, {"kind": "standin", "file": upload} | more)


def made(by, *rows: list[str]) -> ImportJob:
    return actions.upload_file(by=by, upload=a_file(*rows), kind="standin")[0]


@pytest.fixture
def job(cast, kind) -> ImportJob:
    return made(cast.admin)


@pytest.fixture
def bad(cast, kind) -> ImportJob:
    return made(cast.admin, *BAD)


@pytest.fixture
def asking(cast, kind) -> ImportJob:
    kind.asks = True
    return made(cast.admin)


def page(response) -> str:
    return response.content.decode()


def state_of(job: ImportJob) -> str:
    return ImportJob.objects.get(pk=job.pk).state


def more_rows(job: ImportJob, count: int) -> None:
    StagedRecord.objects.bulk_create(
        StagedRecord(job=job, seq=seq, line=seq, status="new", data={"name": "多", "value": "1"})
        for seq in range(10, 10 + count)
    )
    job.preview["counts"]["new"] += count
    job.save()


def queries_of(client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


# Who


@pytest.mark.parametrize("name", ["staff", "staff2", "reviewer", "leader"])
def test_pages_are_closed_to_others(signed_in, job, name):
    client = signed_in(name)
    for url in (LIST, CREATE, job.get_absolute_url(), f"/imports/{job.pk}/file/", f"/imports/{job.pk}/returned/"):
        assert client.get(url).status_code == 403, url
    for url in (CREATE, *(f"/imports/{job.pk}/{deed}/" for deed in DEEDS)):
        response = client.post(url)
        assert (response.status_code, "没有保存任何内容" in page(response)) == (403, True), url
    assert state_of(job) == "previewed"


def test_auditor_looks_but_changes_nothing(signed_in, bad):
    client = signed_in("auditor")
    assert client.get(LIST).context["can_upload"] is False
    context = client.get(bad.get_absolute_url()).context
    assert not any(context[name] for name in ("can_confirm", "can_confirm_valid", "can_cancel", "can_answer"))
    assert context["can_download"]
    assert (client.get(CREATE).status_code, post_file(client, a_file()).status_code) == (403, 403)
    for deed in DEEDS:
        assert client.post(f"/imports/{bad.pk}/{deed}/").status_code == 403
    assert state_of(bad) == "previewed"


def test_signed_out_people_are_sent_to_sign_in(client, job):
    for url in (LIST, CREATE, job.get_absolute_url(), f"/imports/{job.pk}/file/"):
        response = client.get(url)
        assert (response.status_code, response["Location"].startswith("/accounts/login/")) == (302, True)
    for deed in DEEDS:
        assert client.post(f"/imports/{job.pk}/{deed}/").status_code == 302
    assert state_of(job) == "previewed"


def test_role_is_checked_before_the_form(signed_in):
    assert post_file(signed_in("staff"), "", kind="nonsense").status_code == 403


def test_another_admin_sees_but_cannot_decide_or_download(signed_in, cast, bad):
    cast.admin2 = make_user("t-admin2", Role.ADMIN)
    client = signed_in("admin2")
    context = client.get(bad.get_absolute_url()).context
    assert not any(context[name] for name in ("can_confirm_valid", "can_cancel", "can_answer", "can_download"))
    for deed in ("answer", "confirm", "cancel", "undo", "resume"):
        response = client.post(f"/imports/{bad.pk}/{deed}/", {"reason": "试一试"})
        assert (response.status_code, "只有上传这份文件的人可以" in page(response)) == (403, True), deed
    for name in ("file", "returned"):
        assert client.get(f"/imports/{bad.pk}/{name}/").status_code == 403
    assert state_of(bad) == "previewed"


@pytest.mark.parametrize("deed", DEEDS)
def test_deeds_need_post_and_an_existing_job(signed_in, job, deed):
    client = signed_in("admin")
    assert client.get(f"/imports/{job.pk}/{deed}/").status_code == 405
    response = client.post(f"/imports/{job.pk + 1}/{deed}/", {"reason": "x"})
    assert (response.status_code, "没有这次导入" in page(response)) == (404, True)


def test_missing_job(signed_in, job):
    for rest in ("", "file/", "returned/"):
        assert signed_in("admin").get(f"/imports/{job.pk + 1}/{rest}").status_code == 404


def test_pages_are_not_stored(signed_in, job):
    client = signed_in("admin")
    for url in (LIST, CREATE, job.get_absolute_url(), f"/imports/{job.pk}/file/"):
        response = client.get(url)
        assert response["Cache-Control"] == "no-store"
        assert b"".join(response)


# The list


def test_list(signed_in, bad):
    response = signed_in("admin").get(LIST)
    (line,) = response.context["lines"]
    assert (line.job, line.label, line.standing.word) == (bad, "试用内容", "待确认")
    assert line.counts == {"new": 2, "changed": 1, "same": 1, "refused": 1}
    assert "七月.csv" in page(response)


def test_list_needs_the_same_queries_for_one_and_thirty_jobs(signed_in, cast, job):
    client = signed_in("admin")
    client.get(LIST)
    one = queries_of(client, LIST)
    ImportJob.objects.bulk_create(
        ImportJob(kind="standin", file_name=f"{n}.csv", sha256=f"{n:064}", size=1, created_by=cast.admin, state=state)
        for n, state in enumerate(["reading", "confirming", "previewed"] * 10)
    )
    assert len(client.get(LIST).context["lines"]) == 31
    assert queries_of(client, LIST) == one + 2  # who works on those that wait for the machine


def test_interrupted_job_can_be_carried_on_by_its_sender(signed_in, cast, job):
    ImportJob.objects.update(state="reading")
    (line,) = signed_in("admin").get(LIST).context["lines"]
    assert (line.standing.word, line.can_resume) == ("中断", True)
    (line,) = signed_in("auditor").get(LIST).context["lines"]
    assert (line.standing.word, line.can_resume) == ("中断", False)
    client = signed_in("admin")
    response = client.get(job.get_absolute_url())
    assert (response.context["can_resume"], "处理到一半停下了" in page(response)) == (True, True)
    response = client.post(f"/imports/{job.pk}/resume/")
    assert response.status_code == 302
    response = client.get(job.get_absolute_url())
    assert (response.context["standing"].word, 'hx-trigger="every 2s"' in page(response)) == ("排队中", True)
    assert 'http-equiv="refresh"' in page(response)


def test_progress_is_shown_while_the_machine_works(signed_in, job, monkeypatch):
    ImportJob.objects.update(state="confirming", progress=300, total=1000)
    monkeypatch.setattr(views, "activity", lambda job: Activity.WORKING)
    text = " ".join(page(signed_in("admin").get(job.get_absolute_url())).split())
    assert 'max="1000" value="300"' in text
    assert "要么全部完成，要么一项也不写" in text


def test_resume_of_what_waits_for_a_person_is_a_conflict(signed_in, job):
    response = signed_in("admin").post(f"/imports/{job.pk}/resume/")
    assert (response.status_code, state_of(job)) == (409, "previewed")


# Upload


def test_form(signed_in, settings, cast):
    SavedMapping.objects.create(
        sender=cast.admin, kind="standin", fingerprint="f", file_name="六月.xlsx", used_at=timezone.now()
    )
    SavedMapping.objects.create(
        sender=cast.auditor, kind="standin", fingerprint="f", file_name="别人的.xlsx", used_at=timezone.now()
    )
    response = signed_in("admin").get(CREATE)
    assert (response.status_code, response.context["limit"]) == (200, settings.IMPORT_LIMIT)
    assert response.context["formats"] == "、".join(SUFFIXES)
    text = page(response)
    for said in (
        "只在测试里有。",
        "/imports/template/departments.xlsx",
        "六月.xlsx",
        'accept=".xlsx,',
        'aria-current="step"',
    ):
        assert said in text, said
    assert "别人的.xlsx" not in text


def test_kind_that_this_person_may_not_import_is_not_offered(signed_in, kind, monkeypatch):
    monkeypatch.setattr(kind, "may_import", lambda user: False)
    client = signed_in("admin")
    assert "试用内容" not in page(client.get(CREATE))
    assert post_file(client, a_file()).status_code == 422
    assert ImportJob.objects.count() == 0


def test_upload_limit_is_the_imports_own(settings):
    assert resolve(CREATE).func.upload_limit == settings.IMPORT_LIMIT


def test_upload_ends_at_the_preview(signed_in):
    client = signed_in("admin")
    response = post_file(client, a_file())
    job = ImportJob.objects.get()
    assert (response.status_code, response["Location"]) == (302, job.get_absolute_url())
    response = client.get(job.get_absolute_url())
    assert [(tab.status, tab.count) for tab in response.context["tabs"]] == [
        ("", 3),
        ("new", 1),
        ("changed", 1),
        ("same", 1),
        ("refused", 0),
    ]
    for text in ("七月.csv", "第2行B列", "确认并送审 2 项", "您确认之前，不写入任何数据", "未导入 1 列"):
        assert text in page(response), text


def test_file_that_cannot_be_read(signed_in):
    response = post_file(signed_in("admin"), SimpleUploadedFile("报表.csv", b"a\0b"))
    assert (response.status_code, "二进制" in page(response), ImportJob.objects.count()) == (422, True, 0)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "standin"}, "请先选择要上传的文件"),
        ({"kind": "standin", "file": "七月.csv"}, "请先选择要上传的文件"),
        ({"kind": "nonsense"}, "没有这种导入内容"),
        ({}, "请选择文件里是什么内容"),
    ],
)
def test_form_that_is_not_filled_in(signed_in, data, told):
    response = signed_in("admin").post(CREATE, data)
    assert (response.status_code, told in page(response), ImportJob.objects.count()) == (422, True, 0)


def test_file_at_the_limit_and_one_byte_over(signed_in, settings):
    client = signed_in("admin")
    settings.IMPORT_LIMIT = 1000
    row = files.csv_bytes(*GOOD)
    full = row + b"," * (1000 - len(row))
    response = post_file(client, SimpleUploadedFile("a.csv", full + b","))
    assert (response.status_code, "上限，没有保存任何内容" in page(response)) == (413, True)
    assert ImportJob.objects.count() == 0
    assert post_file(client, SimpleUploadedFile("a.csv", full)).status_code == 302


def test_same_file_again_opens_the_waiting_job(signed_in):
    client = signed_in("admin")
    first, again = post_file(client, a_file()), post_file(client, a_file(name="副本.csv"))
    assert (first["Location"], ImportJob.objects.count()) == (again["Location"], 1)
    assert "已经上传过" in page(client.get(again["Location"]))


# 读懂


def test_questions_are_asked_in_one_form(signed_in, asking):
    response = signed_in("admin").get(asking.get_absolute_url())
    text = page(response)
    assert (state_of(asking), response.context["open_questions"]) == ("asking", 2)
    assert response.context["can_answer"]
    for said in (
        "有 2 处要您说明",
        "万元（建议）",
        "沿用上次的选择",
        "第1行B列",
        'value="统计局"',
        "还没有写入任何数据",
    ):
        assert said in text, said
    assert text.count('type="radio"') == 2
    assert "checked" not in text
    assert not StagedRecord.objects.exists()
    assert "确认并送审" not in text


def test_unanswered_question_is_told_in_place_and_nothing_is_lost(signed_in, asking):
    data = {"unit:1:B": "yuan", "source:1": "公报", "district:1": ""}
    response = signed_in("admin").post(f"/imports/{asking.pk}/answer/", data)
    text = page(response)
    assert (response.status_code, text.count("请回答这一问")) == (422, 1)
    assert 'value="公报"' in text
    assert 'value="yuan" id="question-1_0" checked' in text.replace("required ", "")
    assert state_of(asking) == "asking"


def test_answer_that_was_not_offered(signed_in, asking):
    data = {"unit:1:B": "dollar", "source:1": "公报", "district:1": "d1"}
    response = signed_in("admin").post(f"/imports/{asking.pk}/answer/", data)
    assert (response.status_code, "没有这一项" in page(response)) == (422, True)


def test_answers_lead_to_the_preview_and_can_be_changed_there(signed_in, asking):
    client, data = signed_in("admin"), {"unit:1:B": "yuan", "source:1": "公报", "district:1": "d1"}
    response = client.post(f"/imports/{asking.pk}/answer/", data)
    assert (response.status_code, response["Location"], state_of(asking)) == (
        302,
        asking.get_absolute_url(),
        "previewed",
    )
    text = page(client.get(asking.get_absolute_url()))
    assert "已按您的答复重新核对" in text
    assert "改答复" in text
    assert 'value="yuan" checked' in text.replace('id="question-1_0" ', "").replace("required ", "")
    client.post(f"/imports/{asking.pk}/answer/", data | {"unit:1:B": "wan"})
    asking.refresh_from_db()
    assert asking.answers == {"unit:1:B": "wan", "source:1": "公报", "district:1": "d1"}


def test_use_of_a_column_is_changed(signed_in, cast, kind):
    job = made(cast.admin, ["名称", "数", "很多"], ["新", "3", "x"])
    client = signed_in("admin")
    text = page(client.get(job.get_absolute_url()))
    assert 'list="choices-1"' in text
    assert text.count("另一指标59") == 1
    sent = {"column:1:B": "value", "column:1:C": "另一指标7"}
    assert client.post(f"/imports/{job.pk}/answer/", sent).status_code == 302
    job.refresh_from_db()
    assert job.answers == {"column:1:B": "value", "column:1:C": "x7"}
    text = page(client.get(job.get_absolute_url()))
    assert 'value="另一指标7"' in text
    client.post(f"/imports/{job.pk}/answer/", {"column:1:B": "value", "column:1:C": ""})
    job.refresh_from_db()
    assert job.answers == {"column:1:B": "value"}


def test_unknown_use_of_a_column(signed_in, cast, kind):
    job = made(cast.admin, ["名称", "数值", "很多"], ["新", "3", "x"])
    sent = {"column:1:B": "value", "column:1:C": "没有的"}
    response = signed_in("admin").post(f"/imports/{job.pk}/answer/", sent)
    assert (response.status_code, "没有“没有的”这一项" in page(response)) == (422, True)


def test_answers_after_the_decision_are_a_conflict(signed_in, asking):
    client, data = signed_in("admin"), {"unit:1:B": "yuan", "source:1": "公报", "district:1": "d1"}
    client.post(f"/imports/{asking.pk}/answer/", data)
    client.post(f"/imports/{asking.pk}/confirm/")
    response = client.post(f"/imports/{asking.pk}/answer/", data)
    assert (response.status_code, state_of(asking)) == (409, "confirmed")


# 核对


def test_rows_are_filtered_by_result(signed_in, bad):
    client = signed_in("admin")
    seen = {
        show: [row.title for row in client.get(bad.get_absolute_url(), {"show": show}).context["rows"].rows]
        for show in ("", "new", "changed", "same", "refused", "nonsense")
    }
    assert seen == {
        "": ["新", "旧", "同", "坏", "疑"],
        "new": ["新", "疑"],
        "changed": ["旧"],
        "same": ["同"],
        "refused": ["坏"],
        "nonsense": ["新", "旧", "同", "坏", "疑"],
    }


def test_problems_are_grouped_and_filtered(signed_in, bad):
    client = signed_in("admin")
    context = client.get(bad.get_absolute_url()).context
    assert [(group.severity, group.name, group.count) for group in context["groups"]] == [
        ("mandatory", "不是数", 1),
        ("verify", "变动", 1),
    ]
    assert [problem.line for problem in context["problems"].problems] == [5, 6]
    response = client.get(bad.get_absolute_url(), {"problem": "不是数"})
    assert [problem.message for problem in response.context["problems"].problems] == ["“一百”不是数"]
    for said in ("问题 2 处", "请填写数字", "显示全部问题", "下载有误的行", "强制性", "核实性"):
        assert said in page(response), said


@pytest.mark.parametrize("number", ["2", "999", "0", "-1", "x", "²", "1" * 30])
def test_pages_of_rows_and_problems(signed_in, bad, number):
    StagedRecord.objects.bulk_create(
        StagedRecord(job=bad, seq=seq, line=seq, status="new", data={"name": "多", "value": "1"})
        for seq in range(10, 70)
    )
    bad.preview["counts"]["new"] += 60
    bad.save()
    ImportProblem.objects.bulk_create(
        ImportProblem(job=bad, line=n, severity="hint", group="多", message="m", remedy="r") for n in range(60)
    )
    response = signed_in("admin").get(bad.get_absolute_url(), {"page": number, "problem_page": number})
    expected = 2 if number in ("2", "999") else 1
    assert (response.context["rows"].number, response.context["rows"].pages) == (expected, 2)
    assert (response.context["problems"].number, response.context["problems"].pages) == (expected, 2)


def test_page_needs_the_same_queries_for_a_short_and_a_long_file(signed_in, bad):
    client = signed_in("admin")
    client.get(bad.get_absolute_url())
    short = queries_of(client, bad.get_absolute_url())
    more_rows(bad, 390)
    ImportProblem.objects.bulk_create(
        ImportProblem(job=bad, line=n, severity="hint", group=f"多{n % 9}", message="m", remedy="r") for n in range(300)
    )
    assert queries_of(client, bad.get_absolute_url()) == short <= 12


def test_texts_of_the_file_are_escaped(signed_in, cast, kind):
    job = made(cast.admin, ["名称", "数值", "<i>表头</i>"], ["<b>x</b>", "<script>", "x"])
    text = page(signed_in("admin").get(job.get_absolute_url()))
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "&lt;i&gt;表头&lt;/i&gt;" in text
    assert "<script>”" not in text


# 确认


def test_confirm_says_what_happens(signed_in, kind, job):
    client = signed_in("admin")
    response = client.post(f"/imports/{job.pk}/confirm/", {"seen": job.preview["digest"]})
    assert (response.status_code, response["Location"]) == (302, job.get_absolute_url())
    assert kind.done == [("commit", job.pk)]
    text = page(client.get(job.get_absolute_url()))
    for said in ("已送审", "审核员通过以后，这些数据才生效", "撤销导入的 2 项"):
        assert said in text, said


def test_kind_that_nobody_reviews_takes_effect_at_once(signed_in, kind, job):
    kind.is_reviewed = False
    client = signed_in("admin")
    assert "确认并生效 2 项" in page(client.get(job.get_absolute_url()))
    client.post(f"/imports/{job.pk}/confirm/")
    assert "已经生效" in page(client.get(job.get_absolute_url()))


def test_outcome_is_linked(signed_in, kind, job):
    kind.result = SimpleNamespace(
        state="submitted", get_state_display=lambda: "待审核", get_absolute_url=lambda: "/reviews/7/"
    )
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    assert 'href="/reviews/7/"' in page(client.get(job.get_absolute_url()))


@pytest.mark.parametrize(
    ("state", "told"), [("approved", "这些数据已经生效"), ("returned", "退回了"), ("submitted", "审核员通过以后")]
)
def test_what_the_reviewer_made_of_it_is_told(signed_in, kind, job, state, told):
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    kind.result = SimpleNamespace(
        state=state, get_state_display=lambda: f"审核：{state}", get_absolute_url=lambda: "/reviews/7/"
    )
    assert told in page(client.get(job.get_absolute_url()))
    assert f"审核：{state}" in page(client.get("/imports/"))


def test_confirm_twice_is_a_conflict(signed_in, kind, job):
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    for deed in ("confirm", "cancel"):
        response = client.post(f"/imports/{job.pk}/{deed}/")
        assert response.status_code == 409
    assert len(kind.done) == 1


def test_confirmation_of_another_preview_is_a_conflict(signed_in, kind, job):
    response = signed_in("admin").post(f"/imports/{job.pk}/confirm/", {"seen": "older"})
    assert (response.status_code, "没有导入" in page(response), kind.done) == (409, True, [])


def test_faults_keep_the_whole_file_out(signed_in, kind, bad):
    client = signed_in("admin")
    response = client.get(bad.get_absolute_url())
    assert (response.context["can_confirm"], response.context["can_confirm_valid"]) == (False, True)
    assert "只导入无误的 3 项并送审" in page(response)
    response = client.post(f"/imports/{bad.pk}/confirm/")
    assert (response.status_code, "还有错误" in page(response), kind.done) == (422, True, [])


@pytest.mark.parametrize(("reason", "told"), [("", "请写明理由"), ("  ", "请写明理由"), ("长" * 301, "最多 300 个字")])
def test_valid_rows_alone_need_a_reason(signed_in, kind, bad, reason, told):
    response = signed_in("admin").post(f"/imports/{bad.pk}/confirm/", {"valid_only": "1", "reason": reason})
    assert (response.status_code, told in page(response), kind.done) == (422, True, [])


def test_valid_rows_alone_with_a_reason(signed_in, kind, bad):
    client = signed_in("admin")
    assert client.post(f"/imports/{bad.pk}/confirm/", {"valid_only": "1", "reason": "一家未报"}).status_code == 302
    bad.refresh_from_db()
    assert (bad.state, bad.valid_only, bad.reason) == ("confirmed", True, "一家未报")
    text = page(client.get(bad.get_absolute_url()))
    assert "只导入了无误的行，理由：一家未报" in text
    assert "下载有误的行" in text


def test_file_without_news_says_so(signed_in, cast, kind):
    job = made(cast.admin, GOOD[0], ["同", "1", "x"])
    text = page(signed_in("admin").get(job.get_absolute_url()))
    assert "与系统现有的完全一致" in text
    assert "确认并送审" not in text


def test_file_without_anything_for_us_is_not_called_the_same(signed_in, cast):
    upload = SimpleUploadedFile("通知.csv", "大家好\n这是一份通知\n".encode())
    job, _is_new = actions.upload_file(by=cast.admin, upload=upload, kind="observations")
    text = page(signed_in("admin").get(job.get_absolute_url()))
    assert "文件里没有找到指标的数据" in text
    assert "没有可以导入的行" in text
    assert "完全一致" not in text


def test_cancel(signed_in, kind, job):
    client = signed_in("admin")
    response = client.post(f"/imports/{job.pk}/cancel/")
    assert (response.status_code, response["Location"], state_of(job), kind.done) == (302, LIST, "cancelled", [])
    assert "已放弃" in page(client.get(LIST))
    assert "没有改变任何数据" in page(client.get(job.get_absolute_url()))


def test_refusal_of_the_worker_is_shown(signed_in, job):
    ImportJob.objects.update(state="cancelled", refusal="文件展开后过大")
    response = signed_in("admin").get(job.get_absolute_url())
    assert (response.context["standing"].word, "文件展开后过大" in page(response)) == ("读不了", True)
    assert "改好后重新上传" in page(response)


# 撤销


def test_undo_needs_a_reason_and_says_what_it_did(signed_in, kind, job):
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    response = client.post(f"/imports/{job.pk}/undo/", {"reason": " "})
    assert (response.status_code, "请写明理由" in page(response), state_of(job)) == (422, True, "confirmed")
    response = client.post(f"/imports/{job.pk}/undo/", {"reason": "传错了文件"})
    assert (response.status_code, state_of(job), kind.done[-1]) == (302, "undone", ("undo", "传错了文件"))
    assert "撤销，理由：传错了文件" in page(client.get(job.get_absolute_url()))


def test_what_stands_in_the_way_of_undoing_is_listed(signed_in, kind, job):
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    kind.obstacles = ["工业总产值 2023年 已有更新的版本。请先撤回它。"]
    text = page(client.get(job.get_absolute_url()))
    assert "请先撤回它" in text
    assert "撤销导入的" not in text
    response = client.post(f"/imports/{job.pk}/undo/", {"reason": "传错了"})
    assert (response.status_code, state_of(job)) == (422, "confirmed")


# Files


def test_kept_file_is_a_download_for_its_sender_and_auditors(signed_in, job):
    for name in ("admin", "auditor"):
        response = signed_in(name).get(f"/imports/{job.pk}/file/")
        assert b"".join(response) == files.csv_bytes(*GOOD)
        assert response["Content-Disposition"].startswith("attachment;")
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert (response["X-Content-Type-Options"], response["Content-Type"]) == ("nosniff", "application/octet-stream")


def test_kept_file_that_is_gone(signed_in, job):
    from lvyuan.imports.pipeline import import_path

    import_path(job.sha256).unlink()
    assert signed_in("admin").get(f"/imports/{job.pk}/file/").status_code == 404


def test_error_workbook(signed_in, bad):
    response = signed_in("admin").get(f"/imports/{bad.pk}/returned/")
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["名称", "数值", "别的", *RETURNED_HEADS],
        ["坏", "一百", "=1+1", 5, "B：“一百”不是数。请填写数字。"],
    ]
    assert sheet["C2"].data_type == "s"


def test_error_workbook_of_a_file_without_failed_rows(signed_in, job):
    response = signed_in("admin").get(f"/imports/{job.pk}/returned/")
    assert (response.status_code, "没有可以退回的行" in page(response)) == (422, True)


def test_job_of_a_kind_that_is_gone_can_still_be_seen(signed_in, job):
    ImportJob.objects.update(kind="retired")
    client = signed_in("admin")
    assert client.get(job.get_absolute_url()).status_code == 200
    response = client.post(f"/imports/{job.pk}/confirm/")
    assert (response.status_code, "没有这种导入内容" in page(response)) == (422, True)


# Steps


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("reading", ["done", "now", "later", "later", "later"]),
        ("asking", ["done", "now", "later", "later", "later"]),
        ("previewed", ["done", "done", "now", "later", "later"]),
        ("confirming", ["done", "done", "done", "now", "later"]),
        ("confirmed", ["done", "done", "done", "done", "now"]),
        ("undone", ["done", "done", "done", "done", "now"]),
        ("cancelled", []),
    ],
)
def test_steps(state, expected):
    assert [step.state for step in pages.steps(ImportJob(state=state))] == expected
