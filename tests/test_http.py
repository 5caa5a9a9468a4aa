"""The ways in that must end well: wrong password, ended session, too large, not what it says."""

from __future__ import annotations

import re
from io import BytesIO
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile

from indicators.models import Entry, Evidence, Round, Submission
from lvyuan.imports.models import ImportJob
from tests.conftest import PASSWORD
from tests.indicators.test_actions import PNG, save

pytestmark = pytest.mark.django_db
FORM = "/rounds/2023-07/gxj/"
FORM_TYPE = "application/x-www-form-urlencoded"


def sign_in(client, username, password=PASSWORD, **extra):
    return client.post("/accounts/login/", {"username": username, "password": password}, **extra)


def test_sign_in_leads_to_ones_own_start_page(client, cast):
    assert sign_in(client, cast.leader.username)["Location"] == "/"
    assert client.get("/")["Location"] == "/cockpit/"


def test_sign_in_does_not_redirect_to_other_sites(client, cast):
    response = sign_in(client, cast.leader.username, QUERY_STRING="next=https://evil.example/")
    assert response["Location"] == "/"


def test_wrong_password_says_so_and_signs_nobody_in(client, cast):
    response = sign_in(client, cast.staff.username, "wrong")
    assert response.status_code == 422
    assert "用户名或密码不对" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_five_wrong_passwords_lock_the_account_for_that_address(client, cast):
    for _ in range(5):
        response = sign_in(client, cast.staff.username, "wrong")
    assert response.status_code == 429
    assert "15" in response.content.decode()
    assert sign_in(client, cast.staff.username).status_code == 429
    assert sign_in(client, cast.leader.username).status_code == 302


def test_signing_out_ends_the_session(signed_in):
    client = signed_in("leader")
    response = client.post("/accounts/logout/")
    assert "cache" in response["Clear-Site-Data"]
    assert client.get("/cockpit/").status_code == 302


def test_ended_session_leads_back_after_sign_in(signed_in):
    client = signed_in("leader")
    Session.objects.all().delete()
    assert client.get("/cockpit/?period=2023-06")["Location"] == "/accounts/login/?next=/cockpit/%3Fperiod%3D2023-06"


def test_ended_session_answers_htmx_with_a_redirect_not_a_page(signed_in):
    client = signed_in("staff")
    Session.objects.all().delete()
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{FORM}"}
    response = client.post(FORM, {"do": "save"}, headers=headers)
    assert response.status_code == 401
    assert response.content == b""
    assert response["HX-Redirect"] == f"/accounts/login/?next={quote(FORM, safe='')}"
    assert not Entry.objects.exists()


def test_redirect_after_htmx_post_is_followed_by_the_browser_page(signed_in):
    response = signed_in("leader").get("/", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (200, "/cockpit/")


def test_missing_csrf_token_is_refused_in_chinese(cast):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.staff, backend="lvyuan.accounts.backends.AccountBackend")
    response = client.post(FORM, {"do": "save"})
    assert response.status_code == 403
    assert "没有保存" in response.content.decode()


@pytest.mark.parametrize("over", [0, 1])
def test_ordinary_body_ends_at_two_and_a_half_mib(signed_in, over):
    body = b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + over)
    response = signed_in("staff").post(FORM, body, content_type="application/octet-stream")
    assert response.status_code == (413 if over else 409)  # a form without its version is a conflict
    assert ("2.5 MB" in response.content.decode()) == bool(over)
    assert not Entry.objects.exists()


@pytest.fixture
def entry(cast):
    save(cast.staff, Round.objects.get(code="2023-07"))
    return Entry.objects.get()


@pytest.mark.parametrize("over", [0, 1])
def test_evidence_ends_at_twenty_mib(signed_in, entry, over):
    content = PNG + b"0" * (settings.EVIDENCE_LIMIT - len(PNG) + over)
    upload = SimpleUploadedFile("照片.png", content)
    response = signed_in("staff").post(f"/entries/{entry.pk}/evidence/", {"file": upload})
    assert response.status_code == (413 if over else 302)
    assert Evidence.objects.count() == 1 - over
    if over:
        assert "20 MB" in response.content.decode()


def test_body_far_over_the_evidence_limit_is_not_even_read(signed_in, entry):
    response = signed_in("staff").post(
        f"/entries/{entry.pk}/evidence/", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=10**9
    )
    assert response.status_code == 413
    assert "20 MB" in response.content.decode()


def test_import_ends_at_128_mib(signed_in, settings):
    assert settings.IMPORT_LIMIT == 128 * 1024 * 1024
    settings.IMPORT_LIMIT = 1000
    response = signed_in("admin").post(
        "/imports/new/", {"file": SimpleUploadedFile("x.csv", b"a" * 1001), "kind": "observations"}
    )
    assert response.status_code == 413
    assert "上限" in response.content.decode()
    assert not ImportJob.objects.exists()


def test_renamed_program_is_no_csv(signed_in):
    program = SimpleUploadedFile("数据.csv", b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 200)
    response = signed_in("admin").post("/imports/new/", {"file": program, "kind": "observations"})
    assert response.status_code == 422
    assert "Windows 程序" in response.content.decode()
    assert not ImportJob.objects.exists()


def test_evidence_comes_as_a_download_that_cannot_run(signed_in, entry):
    client = signed_in("staff")
    client.post(f"/entries/{entry.pk}/evidence/", {"file": SimpleUploadedFile("照片.png", PNG)})
    response = client.get(f"/evidence/{Evidence.objects.get().pk}/")
    assert b"".join(response) == PNG
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]


def test_other_departments_see_no_trace_of_a_submission(signed_in, entry):
    client = signed_in("staff2")
    for path in (FORM, f"/reviews/{entry.submission_id}/"):
        assert client.get(path).status_code in (403, 404)
        assert "254.1" not in client.get(path).content.decode()
    assert client.post(FORM, {"do": "save", "row_version": "1"}).status_code == 404


def test_leader_cannot_post_a_figure(signed_in, entry):
    client = signed_in("leader")
    for path in (FORM, f"/entries/{entry.pk}/evidence/", f"/reviews/{entry.submission_id}/approve/", "/imports/new/"):
        response = client.post(path, {"do": "submit", "reason": "改一改"})
        assert response.status_code == 403
        assert "不能" in response.content.decode()
    assert Submission.objects.get(department__code="gxj").state == "draft"


def form_data(**changes):
    return {
        "row_version": "0",
        "do": "save",
        "industrial_output-value": "254.1",
        "industrial_output-growth": "16.2",
        "industrial_output-rank_place": "1",
        "industrial_output-rank_by": "growth",
        "industrial_output-note": "生产平稳",
    } | changes


def test_form_saves_what_was_typed(signed_in, cast):
    response = signed_in("staff").post(FORM, form_data())
    assert response.status_code == 302
    entry = Entry.objects.get()
    assert (str(entry.value), str(entry.growth), entry.rank_place, entry.unit) == ("254.1", "16.2", 1, "亿元")


def test_form_tells_when_the_figure_is_already_approved(signed_in, cast):
    from tests.indicators.factories import figure

    figure("industrial_output", "2023-07.ytd", "250.0", unit="亿元")
    page = signed_in("staff").get(FORM).content.decode()
    assert "再报即为修订" in page
    assert 'data-key="industrial_output/220106/2023-07.ytd/value">250.0亿元' in page


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("２５４．１", "254.1"), ("254.1亿元", "254.1"), ("2541000万元", "254.1"), ("1,254.10", "1254.10")],
)
def test_form_understands_how_people_type(signed_in, typed, stored):
    signed_in("staff").post(FORM, form_data(**{"industrial_output-value": typed}))
    entry = Entry.objects.get()
    assert (str(entry.value), entry.unit) == (stored, "亿元")


@pytest.mark.parametrize(
    "wrong",
    [
        {"industrial_output-value": "二百"},
        {"industrial_output-value": "254.1万户"},
        {"industrial_output-growth": "近17%"},
        {"industrial_output-growth": "下降6%"},
        {"industrial_output-rank_place": "6"},
    ],
)
def test_form_keeps_wrong_text_as_typed_and_saves_the_rest(signed_in, wrong):
    client = signed_in("staff")
    response = client.post(FORM, form_data(**wrong), follow=True)
    assert response.redirect_chain == [(FORM, 302)]
    for text in (response.content.decode(), client.get(FORM).content.decode()):
        assert all(f'value="{value}"' in text for value in wrong.values())
        assert text.count('aria-invalid="true"') == 1
    assert "有 1 格看不懂" in response.content.decode()
    assert Entry.objects.get().note == "生产平稳"


def test_form_opened_before_a_colleague_saved_conflicts(signed_in):
    client = signed_in("staff")
    client.post(FORM, form_data())
    response = client.post(FORM, form_data(**{"industrial_output-value": "1"}))
    assert response.status_code == 409
    assert "没有保存" in response.content.decode()
    assert str(Entry.objects.get().value) == "254.1"


def test_production_has_no_local_accounts(settings):
    from django.core.management import CommandError, call_command

    settings.LOCAL_ACCOUNTS = False
    with pytest.raises(CommandError, match="LOCAL_ACCOUNTS"):
        call_command("local_accounts")


def test_local_account_is_nobody_without_local_accounts(client, settings):
    from django.core.management import call_command

    settings.LOCAL_ACCOUNTS = True
    call_command("local_accounts")
    assert sign_in(client, "leader", settings.LOCAL_PASSWORD).status_code == 302
    assert client.get("/cockpit/").status_code == 200
    settings.LOCAL_ACCOUNTS = False
    assert client.get("/cockpit/").status_code == 302
    assert sign_in(client, "leader", settings.LOCAL_PASSWORD).status_code == 422


def test_local_account_never_takes_over_a_real_one(cast, settings):
    from django.core.management import CommandError, call_command

    from lvyuan.accounts.models import User

    settings.LOCAL_ACCOUNTS = True
    User.objects.filter(pk=cast.admin.pk).update(username="admin")
    with pytest.raises(CommandError, match="正式账号"):
        call_command("local_accounts")
    assert not User.objects.filter(is_local=True).exists()


def test_server_error_is_a_chinese_page_that_asks_the_database_nothing(rf, django_assert_num_queries):
    from lvyuan.ui.views import server_error

    with django_assert_num_queries(0):
        response = server_error(rf.get("/cockpit/"))
    assert response.status_code == 500
    assert "没有保存" in response.content.decode()


def test_htmx_returns_to_the_whole_address(signed_in):
    client = signed_in("leader")
    Session.objects.all().delete()
    url = "http://testserver/cockpit/?period=2023-06&known_at=2024-01-01"
    response = client.get("/indicators/", headers={"HX-Request": "true", "HX-Current-URL": url})
    assert response["HX-Redirect"].endswith(quote("/cockpit/?period=2023-06&known_at=2024-01-01", safe=""))


@pytest.mark.parametrize("url", ["http://[bad", "nonsense", ""])
def test_odd_current_url_is_no_error(signed_in, url):
    client = signed_in("leader")
    Session.objects.all().delete()
    assert client.get("/indicators/", headers={"HX-Request": "true", "HX-Current-URL": url}).status_code == 401


@pytest.mark.parametrize("path", ["/figures/target/%00/x/", "/figures/gdp/%00/2023-06.ytd/", "/indicators/?q=%00"])
def test_nul_is_no_address(signed_in, path):
    assert signed_in("leader").get(path).status_code == 404


@pytest.mark.parametrize("query", ["per_page=-1", "per_page=1", "page=-1", "page=9999999999", "sort=nonsense"])
def test_odd_list_queries_show_the_list(signed_in, query):
    page = signed_in("leader").get(f"/indicators/?{query}")
    assert page.status_code == 200
    assert len(page.context["table"].rows) == 37
    assert page.context["table"].page.paginator.per_page == 50


def test_wrong_method_is_a_chinese_page(signed_in):
    response = signed_in("leader").post("/cockpit/")
    assert response.status_code == 405
    assert "没有改变" in response.content.decode()
    assert "GET" in response["Allow"]


def test_body_that_broke_off_is_not_taken_for_a_whole_form(signed_in, cast):
    half = b"row_version=0&industrial_output-value=22"
    response = signed_in("staff").generic(
        "POST", FORM, half, FORM_TYPE, CONTENT_LENGTH=400, **{"wsgi.input": BytesIO(half)}
    )
    assert response.status_code == 400
    assert "途中断开" in response.content.decode()
    assert not Entry.objects.exists()


def test_login_name_that_is_too_long_is_a_form_error(client, db):
    assert sign_in(client, "x" * 300).status_code == 422


@pytest.mark.parametrize("version", ["9" * 5000, "-1", "", "一"])
def test_odd_row_version_is_a_conflict(signed_in, cast, version):
    assert signed_in("staff").post(FORM, form_data(row_version=version)).status_code == 409


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("value", "持平", "持平只能用于增速"),
        ("value", "近万", "没有单位"),
        ("value", "223.69999999999999", "位数过多"),
        ("value", "9" * 39, "位数过多"),
        ("growth", "0." + "1" * 20, "位数过多"),
    ],
)
def test_form_refuses_what_cannot_be_kept(signed_in, cast, field, typed, message):
    response = signed_in("staff").post(FORM, form_data(**{f"industrial_output-{field}": typed}), follow=True)
    assert message in response.content.decode()
    assert Entry.objects.get().unread == {field: typed}


def test_form_keeps_marks_and_wordings(signed_in, cast):
    client = signed_in("staff")
    client.post(FORM, form_data(**{"industrial_output-value": "—"}))
    assert Entry.objects.get().null_reason == "not_applicable"
    assert 'value="—"' in client.get(FORM).content.decode()
    client.post(FORM, form_data(**{"row_version": "1", "industrial_output-value": "450余"}))
    entry = Entry.objects.get()
    assert (entry.printed, entry.comparator, entry.unit) == ("450余亿元", ">", "亿元")
    assert 'value="450余亿元"' in client.get(FORM).content.decode()


def test_conflict_shows_the_saved_figure_beside_ones_own(signed_in, cast):
    client = signed_in("staff")
    client.post(FORM, form_data(**{"industrial_output-value": "300"}))
    text = client.post(FORM, form_data(**{"industrial_output-value": "100"})).content.decode()
    assert re.search('name="industrial_output-value"\\s+value="300亿元"', text)
    assert "没有保存的内容" in text
    assert "100" in text


def test_refused_submission_leaves_a_form_that_can_be_saved(signed_in, cast):
    client = signed_in("staff")
    blank = {f"industrial_output-{name}": "" for name in ("value", "growth", "rank_place", "rank_by")}
    response = client.post(FORM, form_data(do="submit", **blank))
    assert response.status_code == 409
    version = re.search(r'name="row_version" value="([0-9]+)"', response.content.decode())[1]
    assert client.post(FORM, form_data(row_version=version)).status_code == 302


def test_stranger_cannot_send_large_bodies(client, db):
    response = client.post("/imports/new/", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=10**7)
    assert response.status_code == 413
