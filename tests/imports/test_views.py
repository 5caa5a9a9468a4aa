"""Pages of the import: who may do what, and how every way through them ends."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve, reverse

from lvyuan.accounts.models import Role
from lvyuan.imports import actions
from lvyuan.imports.models import ImportJob
from tests.conftest import make_user
from tests.imports import files
from tests.indicators.factories import figure, imported

pytestmark = pytest.mark.django_db
LIST, CREATE = "/imports/", "/imports/new/"
ROWS = (["指标", "时期", "数值"], ["industrial_output", "2023年1—7月", "254.1"])


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def a_file(content: bytes | None = None, name: str = "七月.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.csv_bytes(*ROWS) if content is None else content)


def post_file(client, upload: object, **more: str):
    return client.post(CREATE, {"kind": "observations", "file": upload} | more)


@pytest.fixture
def job(cast) -> ImportJob:
    return actions.upload_file(by=cast.admin, upload=a_file(), kind="observations")[0]


def page(response) -> str:
    return response.content.decode()


# Who


@pytest.mark.parametrize("name", ["staff", "staff2", "reviewer", "leader"])
def test_pages_are_closed_to_others(signed_in, job, name):
    client = signed_in(name)
    for url in (LIST, CREATE, job.get_absolute_url()):
        assert client.get(url).status_code == 403
    for url in (CREATE, f"/imports/{job.pk}/confirm/", f"/imports/{job.pk}/cancel/"):
        response = client.post(url)
        assert (response.status_code, "没有保存任何内容" in page(response)) == (403, True)
    job.refresh_from_db()
    assert job.state == "previewed"


def test_auditor_looks_but_changes_nothing(signed_in, job):
    client = signed_in("auditor")
    assert client.get(LIST).context["can_upload"] is False
    response = client.get(job.get_absolute_url())
    assert (response.status_code, response.context["can_confirm"], response.context["can_cancel"]) == (
        200,
        False,
        False,
    )
    assert client.get(CREATE).status_code == 403
    assert post_file(client, a_file()).status_code == 403
    for deed in ("confirm", "cancel"):
        assert client.post(f"/imports/{job.pk}/{deed}/").status_code == 403
    job.refresh_from_db()
    assert job.state == "previewed"


def test_signed_out_people_are_sent_to_sign_in(client, job):
    for url in (LIST, CREATE, job.get_absolute_url()):
        response = client.get(url)
        assert (response.status_code, response["Location"].startswith("/accounts/login/")) == (302, True)
    assert client.post(f"/imports/{job.pk}/confirm/").status_code == 302
    job.refresh_from_db()
    assert job.state == "previewed"


def test_role_is_checked_before_the_form(signed_in):
    assert post_file(signed_in("staff"), "", kind="nonsense").status_code == 403


def test_another_admin_sees_but_cannot_decide(signed_in, cast, job):
    cast.admin2 = make_user("t-admin2", Role.ADMIN)
    client = signed_in("admin2")
    assert client.get(job.get_absolute_url()).context["can_confirm"] is False
    for deed in ("confirm", "cancel"):
        response = client.post(f"/imports/{job.pk}/{deed}/")
        assert (response.status_code, "只有上传这份文件的人可以" in page(response)) == (403, True)


@pytest.mark.parametrize("deed", ["confirm", "cancel"])
def test_deeds_need_post_and_an_existing_job(signed_in, job, deed):
    client = signed_in("admin")
    assert client.get(f"/imports/{job.pk}/{deed}/").status_code == 405
    response = client.post(f"/imports/{job.pk + 1}/{deed}/")
    assert (response.status_code, "没有这次导入" in page(response)) == (404, True)


def test_missing_job(signed_in, job):
    assert signed_in("admin").get(f"/imports/{job.pk + 1}/").status_code == 404


# List and form


def test_list(signed_in, job):
    response = signed_in("admin").get(LIST)
    assert (response.status_code, list(response.context["jobs"]), response.context["can_upload"]) == (200, [job], True)
    assert "七月.csv" in page(response)


def test_list_needs_the_same_queries_for_one_and_thirty_jobs(signed_in, cast, job, django_assert_num_queries):
    client = signed_in("admin")
    client.get(LIST)
    with django_assert_num_queries(4):
        client.get(LIST)
    ImportJob.objects.bulk_create(
        ImportJob(kind="observations", file_name=f"{n}.csv", sha256=f"{n:064}", size=1, created_by=cast.admin)
        for n in range(29)
    )
    with django_assert_num_queries(4):
        assert len(client.get(LIST).context["jobs"]) == 30


def test_form(signed_in, settings):
    response = signed_in("admin").get(CREATE)
    assert (response.status_code, response.context["limit"]) == (200, settings.IMPORT_LIMIT)
    assert response.context["formats"] == ".json、.csv、.xlsx"
    assert [field.name for field in response.context["form"]] == ["file", "kind"]
    assert 'accept=".json,.csv,.xlsx"' in page(response)


def test_upload_limit_is_the_imports_own(settings):
    assert resolve(CREATE).func.upload_limit == settings.IMPORT_LIMIT


# Upload


def test_upload_ends_at_the_preview(signed_in, cast):
    client = signed_in("admin")
    response = post_file(client, a_file())
    job = ImportJob.objects.get()
    assert (response.status_code, response["Location"]) == (302, job.get_absolute_url())
    response = client.get(job.get_absolute_url())
    assert response.context["preview"]["counts"] == {"new": 1, "changed": 0, "same": 0, "refused": 0}
    assert (response.context["can_confirm"], response.context["submission"]) == (True, None)
    for text in ("七月.csv", "规模以上工业总产值", "2023年1—7月", "254.1亿元", "确认并送审"):
        assert text in page(response)


def test_upload_of_each_format(signed_in, tmp_path):
    client = signed_in("admin")
    book = files.workbook(tmp_path / "a.xlsx", *ROWS).read_bytes()
    text = json.dumps([dict(zip(*ROWS, strict=True))], ensure_ascii=False).encode()
    for name, content in (("a.csv", None), ("A.XLSX", book), ("a.json", text)):
        assert post_file(client, a_file(content, name)).status_code == 302
    assert [job.preview["rows"][0]["new"] for job in ImportJob.objects.all()] == ["254.1亿元"] * 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("报表.csv", b"MZ\x90\x00\x03\x00", "扩展名是 .csv，内容却是Windows 程序（exe）"),
        ("报表.csv", b"a\0b", "内容却含有二进制数据"),
        ("报表.xlsx", b"PK\x03\x04", "工作簿已损坏或不完整"),
        ("报表.json", b"[", "不是有效的 JSON"),
        ("报表.csv", b"", "文件是空的"),
        ("报表.exe", b"MZ", "只接受 .json、.csv、.xlsx 文件"),
        ("a" * 170 + ".csv", b"x", "文件名超过 160 个字"),
    ],
)
def test_file_that_cannot_be_taken(signed_in, name, content, told):
    response = post_file(signed_in("admin"), a_file(content, name))
    assert (response.status_code, told in page(response), ImportJob.objects.count()) == (422, True, 0)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "observations"}, "请先选择要上传的文件"),
        ({"kind": "observations", "file": "七月.csv"}, "请先选择要上传的文件"),
        ({"kind": "nonsense"}, "没有这种导入内容"),
    ],
)
def test_form_that_is_not_filled_in(signed_in, data, told):
    response = signed_in("admin").post(CREATE, data)
    assert (response.status_code, told in page(response), ImportJob.objects.count()) == (422, True, 0)


def test_file_at_the_limit_and_one_byte_over(signed_in, settings):
    client = signed_in("admin")
    settings.IMPORT_LIMIT = 1000
    row = files.csv_bytes(*ROWS)
    full = row + b"," * (1000 - len(row))
    response = post_file(client, a_file(full + b","))
    assert (response.status_code, "上限，没有保存任何内容" in page(response)) == (413, True)
    assert ImportJob.objects.count() == 0
    assert post_file(client, a_file(full)).status_code == 302


def test_same_file_again_opens_the_waiting_job(signed_in):
    client = signed_in("admin")
    first, again = post_file(client, a_file()), post_file(client, a_file(name="副本.csv"))
    assert (first["Location"], ImportJob.objects.count()) == (again["Location"], 1)
    assert "已经上传过" in page(client.get(again["Location"]))


def test_faults_are_shown_and_cannot_be_confirmed(signed_in):
    client = signed_in("admin")
    content = files.csv_bytes(ROWS[0], ["industrial_output", "2023年1月", "1"], ["<b>x</b>", "2023年", "1"])
    response = client.get(post_file(client, a_file(content))["Location"])
    assert response.context["can_confirm"] is False
    assert [error["row"] for error in response.context["preview"]["errors"]] == [2, 3]
    assert "首期1—2月" in page(response)
    assert "&lt;b&gt;x&lt;/b&gt;" in page(response)
    assert "确认并送审" not in page(response)
    pk = ImportJob.objects.get().pk
    response = client.post(f"/imports/{pk}/confirm/")
    assert (response.status_code, "还有错误" in page(response), imported().count()) == (422, True, 0)


def test_several_sheets_are_asked_about(signed_in, tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for title in ("甲", "乙"):
        book.create_sheet(title).append(["指标"])
    book.save(tmp_path / "a.xlsx")
    client = signed_in("admin")
    response = client.get(post_file(client, a_file((tmp_path / "a.xlsx").read_bytes(), "a.xlsx"))["Location"])
    assert (response.context["can_confirm"], "2 张有内容的工作表：“甲”、“乙”" in page(response)) == (False, True)


# Decide


def test_confirm_sends_the_figures_to_review(signed_in, job):
    client = signed_in("admin")
    response = client.post(f"/imports/{job.pk}/confirm/")
    assert (response.status_code, response["Location"]) == (302, job.get_absolute_url())
    response, submission = client.get(job.get_absolute_url()), imported().get()
    assert (response.context["submission"], response.context["can_confirm"]) == (submission, False)
    assert submission.state == "submitted"
    assert "已送审" in page(response)
    assert reverse("indicators:review-detail", args=[submission.pk]) in page(response)


def test_confirm_twice_is_a_conflict(signed_in, job):
    client = signed_in("admin")
    client.post(f"/imports/{job.pk}/confirm/")
    for deed in ("confirm", "cancel"):
        response = client.post(f"/imports/{job.pk}/{deed}/")
        assert (response.status_code, "这次导入已是“已送审”" in page(response)) == (409, True)
    assert imported().count() == 1


def test_confirm_after_the_figures_moved_is_a_conflict_with_a_fresh_preview(signed_in, job):
    figure("industrial_output", "2023-07.ytd", "250", unit="亿元")
    client = signed_in("admin")
    response = client.post(f"/imports/{job.pk}/confirm/")
    assert (response.status_code, "预览之后系统里的数据有了变化" in page(response)) == (409, True)
    assert response.context["preview"]["rows"][0]["old"] == "250亿元"
    assert response.context["can_confirm"] is True
    assert client.post(f"/imports/{job.pk}/confirm/").status_code == 302


def test_cancel(signed_in, job):
    client = signed_in("admin")
    response = client.post(f"/imports/{job.pk}/cancel/")
    assert (response.status_code, response["Location"]) == (302, LIST)
    job.refresh_from_db()
    assert (job.state, imported().count()) == ("cancelled", 0)
    assert "已放弃" in page(client.get(LIST))


def test_reviewer_sees_and_approves_the_import(signed_in, job):
    signed_in("admin").post(f"/imports/{job.pk}/confirm/")
    submission, client = imported().get(), signed_in("reviewer")
    assert "254.1亿元" in page(client.get(f"/reviews/{submission.pk}/"))
    assert client.post(f"/reviews/{submission.pk}/approve/", {"row_version": submission.row_version}).status_code == 302
    submission.refresh_from_db()
    assert submission.state == "approved"


def test_job_of_a_kind_that_is_gone_can_still_be_seen(signed_in, job):
    ImportJob.objects.update(kind="retired")
    client = signed_in("admin")
    assert client.get(job.get_absolute_url()).status_code == 200
    response = client.post(f"/imports/{job.pk}/confirm/")
    assert (response.status_code, "没有这种导入内容" in page(response)) == (422, True)
