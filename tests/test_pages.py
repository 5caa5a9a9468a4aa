"""Every URL × every role: who may see and do what; and every page asks for sign-in."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from indicators import actions
from indicators.models import Annotation, Entry, Evidence, LockException, Submission
from lvyuan.imports.models import ImportJob
from lvyuan.imports.pipeline import import_path
from lvyuan.notices.actions import Message, notify
from tests.indicators.test_actions import PNG, save

pytestmark = pytest.mark.django_db
ROLES = ("staff", "staff2", "reviewer", "leader", "admin", "auditor")
EVERYONE = dict.fromkeys(ROLES, 200)
PUBLIC = {"healthz", "login"}


def only(*roles: str, other: int = 403) -> dict[str, int]:
    return {role: 200 if role in roles else other for role in ROLES}


def urls(resolver=None, prefix="") -> list[tuple[str, str]]:
    found = []
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":  # the admin site has tests of its own below
                found += urls(pattern, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            found.append((prefix + str(pattern.pattern), pattern.name or "admin-login"))
    return found


@pytest.fixture
def world(cast):
    """A submitted form of 工信局 with a file, an import job of the admin, a notice to staff."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from indicators.models import Round

    submission = save(cast.staff, Round.objects.get(code="2023-07"))
    entry = Entry.objects.get(submission=submission)
    actions.add_evidence(by=cast.staff, entry=entry, upload=SimpleUploadedFile("a.png", PNG))
    actions.submit(by=cast.staff, submission=submission)
    job = ImportJob.objects.create(
        kind="observations", file_name="x.csv", sha256="0" * 64, size=1, created_by=cast.admin, state="previewed"
    )
    job.problems.create(line=2, severity="mandatory", group="不是数", message="“x”不是数", remedy="请填写数字")
    kept = import_path(job.sha256)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("指标,数值\n甲,x\n")
    opened = LockException.objects.create(
        lock="published",
        round=submission.round,
        department=submission.department,
        reason="更正",
        granted_by=cast.reviewer,
        granted_at=timezone.now(),
        expires_at=timezone.now() + dt.timedelta(days=1),
    )
    exempted = actions.exempt_light(
        by=cast.reviewer,
        district=submission.department.district,
        indicator=entry.indicator,
        valid_from=timezone.localdate(),
        valid_to=timezone.localdate() + dt.timedelta(days=9),
        reason="搬迁",
        authority="会议纪要",
    )
    workbook = ImportJob.objects.create(
        kind="form",
        file_name="填报表.xlsx",
        sha256="0" * 64,
        size=1,
        state="previewed",
        preview={"round": "2023-07", "department": "gxj", "cells": []},
        created_by=cast.staff,
    )
    (notice,) = notify([Message(cast.staff, "chased", "world", "催报", "", "/rounds/")])
    return {
        "submission": submission.pk,
        "entry": entry.pk,
        "evidence": Evidence.objects.get().pk,
        "job": job.pk,
        "workbook": workbook.pk,
        "notice": notice.pk,
        "exception": opened.pk,
        "annotation": Annotation.objects.get().pk,
        "light_exemption": exempted.pk,
    }


# Page → who gets 200; others get the status named. A page that is not here fails the test below.
PAGES: dict[str, tuple[str, dict[str, int]]] = {
    "cockpit": ("/cockpit/", EVERYONE),
    "strategy": ("/strategy/", EVERYONE),
    "home": ("/", dict.fromkeys(ROLES, 302)),
    "indicator-list": ("/indicators/", EVERYONE),
    "compare": ("/compare/?indicator=industrial_output", EVERYONE),
    "headline-charts": ("/charts/headline.json", EVERYONE),
    "indicator-detail": ("/indicators/industrial_output/", EVERYONE),
    "figure-detail": ("/figures/industrial_output/220106/2023-06.ytd/", EVERYONE),
    "target-detail": ("/figures/target/220106/gdp-2025/", EVERYONE),
    "target-list": ("/targets/", EVERYONE),
    "target-create": ("/targets/new/", only("admin")),
    "target-change": ("/targets/220106/gdp-2025/change/", only("admin")),
    "rank-detail": ("/indicators/industrial_output/ranks/", EVERYONE),
    "project-list": ("/projects/", EVERYONE),
    "project-detail": ("/projects/key-2023-01/", EVERYONE),
    "portfolio-figure": ("/figures/portfolio/220106/key-2023@2023-08-04/", EVERYONE),
    "round-list": ("/rounds/", only("staff", "staff2", "reviewer", "auditor")),
    "round-detail": ("/rounds/2023-07/", only("staff", "staff2", "reviewer", "auditor")),
    "round-create": ("/rounds/new/", only("reviewer")),
    "round-change": ("/rounds/2023-07/change/", only("reviewer")),
    "exception-list": ("/rounds/2023-07/exceptions/", only("reviewer", "auditor")),
    "task-list": ("/tasks/", only("staff", "staff2")),
    "board": ("/board/", only("reviewer", "leader", "admin", "auditor")),
    "submission-form": ("/rounds/2023-07/gxj/", only("staff") | {"staff2": 404}),
    "lines-feedback": ("/rounds/2023-07/gxj/lines/", only("staff") | {"staff2": 404}),
    "form-workbook": ("/rounds/2023-07/gxj/form.xlsx", only("staff") | {"staff2": 404}),
    "form-upload-detail": ("/rounds/2023-07/gxj/upload/{workbook}/", only("staff") | {"staff2": 404}),
    "form-print": ("/rounds/2023-07/gxj/print/", only("staff", "reviewer", "auditor") | {"staff2": 404}),
    "evidence-detail": ("/evidence/{evidence}/", only("staff", "reviewer", "auditor", other=404)),
    "review-list": ("/reviews/", only("reviewer", "auditor")),
    "exemption-list": ("/reviews/exemptions/", only("reviewer", "auditor")),
    "release-list": ("/releases/", only("reviewer", "auditor")),
    "review-detail": ("/reviews/{submission}/", only("reviewer", "auditor") | {"admin": 404}),
    "light-list": ("/lights/", EVERYONE),
    "light-detail": ("/lights/level-default/", EVERYONE),
    "light-change": ("/lights/level-default/change/", only("admin")),
    "job-list": ("/imports/", only("admin", "auditor")),
    "kind-template": ("/imports/template/departments.xlsx", only("admin")),
    "job-create": ("/imports/new/", only("admin")),
    "job-detail": ("/imports/{job}/", only("admin", "auditor")),
    "job-file": ("/imports/{job}/file/", only("admin", "auditor")),
    "job-returned": ("/imports/{job}/returned/", only("admin", "auditor")),
    "event-list": ("/history/", only("auditor")),
    "password": ("/accounts/password/", EVERYONE),
    "notice-list": ("/notices/", EVERYONE),
    "notice-choices": ("/notices/choices/", EVERYONE),
}
FILES = ("evidence-detail", "job-file", "job-returned", "form-workbook", "kind-template")
# Deed → (address, who may; the others get 403 or 404 and nothing changes).
DEEDS: dict[str, tuple[str, set[str]]] = {
    "remark-create": ("/indicators/industrial_output/remarks/", {"staff", "reviewer", "leader", "admin"}),
    "annotation-create": ("/indicators/industrial_output/annotations/", {"reviewer", "admin"}),
    "annotation-withdraw": (
        "/indicators/industrial_output/annotations/{annotation}/withdraw/",
        {"reviewer", "admin"},
    ),
    "reason-create": ("/figures/industrial_output/220106/2023-06.ytd/reasons/", {"reviewer"}),
    "reason-drop": ("/figures/industrial_output/220106/2023-06.ytd/reasons/1/price/drop/", {"reviewer"}),
    "cells-save": ("/rounds/2023-07/gxj/cells/", {"staff"}),
    "form-upload": ("/rounds/2023-07/gxj/upload/", {"staff"}),
    "evidence-create": ("/entries/{entry}/evidence/", {"staff"}),
    "exception-grant": ("/rounds/2023-07/exceptions/grant/", {"reviewer"}),
    "exception-end": ("/rounds/2023-07/exceptions/{exception}/end/", {"reviewer"}),
    "board-chase": ("/board/chase/", {"reviewer"}),
    "submission-withdraw": ("/submissions/{submission}/withdraw/", {"staff"}),
    "submission-sign": ("/submissions/{submission}/sign/", {"staff"}),
    "submission-decline": ("/submissions/{submission}/decline/", {"staff"}),
    "review-approve-many": ("/reviews/approve/", {"reviewer"}),
    "review-reopen": ("/reviews/{submission}/reopen/", {"reviewer"}),
    "review-excuse": ("/reviews/{submission}/excuse/", {"reviewer"}),
    "review-resume": ("/reviews/{submission}/resume/", {"reviewer"}),
    "release-create": ("/releases/new/", {"reviewer"}),
    "review-approve": ("/reviews/{submission}/approve/", {"reviewer"}),
    "review-undo": ("/reviews/{submission}/undo/", {"reviewer"}),
    "review-return": ("/reviews/{submission}/return/", {"reviewer"}),
    "light-exempt": ("/lights/exemptions/grant/", {"reviewer"}),
    "light-exemption-end": ("/lights/exemptions/{light_exemption}/end/", {"reviewer"}),
    "light-use": ("/lights/level-default/uses/", {"admin"}),
    "job-answer": ("/imports/{job}/answer/", {"admin"}),
    "job-confirm": ("/imports/{job}/confirm/", {"admin"}),
    "job-resume": ("/imports/{job}/resume/", {"admin"}),
    "job-undo": ("/imports/{job}/undo/", {"admin"}),
    "job-cancel": ("/imports/{job}/cancel/", {"admin"}),
    "notice-read": ("/notices/{notice}/read/", {"staff"}),
    "notice-read-all": ("/notices/read/", set(ROLES)),
}


def test_every_url_is_in_the_matrix():
    names = {name for _, name in urls()}
    assert names - PUBLIC - {"logout", "admin-login", "language"} == set(PAGES) | set(DEEDS)


def get(client, path: str):
    """The whole answer; a file is read to its end, which closes it."""
    response = client.get(path)
    if response.streaming:
        assert b"".join(response)
    return response


@pytest.mark.parametrize("name", PAGES)
def test_page_for_each_role(signed_in, world, name):
    path, expected = PAGES[name]
    seen = {role: get(signed_in(role), path.format(**world)).status_code for role in ROLES}
    assert seen == expected


@pytest.mark.parametrize("name", DEEDS)
def test_deed_is_refused_to_other_roles(signed_in, world, name):
    path, allowed = DEEDS[name]
    for role in set(ROLES) - allowed:
        response = signed_in(role).post(path.format(**world), {"reason": "试一试"})
        assert response.status_code in (403, 404), role
        assert "没有" in response.content.decode()
    assert Submission.objects.get(pk=world["submission"]).state == "submitted"
    assert ImportJob.objects.get(pk=world["job"]).state == "previewed"


@pytest.mark.parametrize("name", DEEDS)
def test_deed_is_no_get(signed_in, world, name):
    path, allowed = DEEDS[name]
    assert signed_in(next(iter(allowed))).get(path.format(**world)).status_code == 405


@pytest.mark.parametrize("name", [*PAGES, *DEEDS])
def test_anonymous_is_asked_to_sign_in(client, world, name):
    path = (PAGES.get(name) or DEEDS[name])[0].format(**world)
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_public_pages_are_these(client):
    assert client.get("/healthz").content == b"ok"
    assert client.get("/accounts/login/").status_code == 200


@pytest.mark.parametrize("name", [name for name in PAGES if name not in (*FILES, "headline-charts")])
def test_pages_are_chinese_and_not_stored_by_proxies(signed_in, world, name):
    path, expected = PAGES[name]
    role = next((role for role, status in expected.items() if status == 200), "leader")
    response = signed_in(role).get(path.format(**world), follow=True)
    assert 'lang="zh-Hans"' in response.content.decode()
    assert response["Cache-Control"].startswith(("private", "no-store", "max-age=0"))
    assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/tasks/", "/rounds/", "/rounds/2023-07/gxj/", "/evidence/{evidence}/", "/accounts/password/"]
)
def test_entry_accounts_and_evidence_are_never_stored(signed_in, world, path):
    assert "no-store" in get(signed_in("staff"), path.format(**world))["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/indicators/none/",
        "/figures/none/220106/2023-06.ytd/",
        "/figures/gdp/220106/2023-05.ytd/",
        "/figures/gdp/220106/nonsense/",
        "/figures/target/220106/none/",
        "/indicators/none/ranks/",
        "/indicators/gdp/ranks/?pool=none",
        "/indicators/gdp/ranks/?by=other",
        "/indicators/gdp/?pool=none",
        "/cockpit/?pool=none",
        "/charts/headline.json?period=2023-13",
        "/figures/target/999999/gdp-2025/",
        "/figures/portfolio/220106/none@2023-08-04/",
        "/figures/portfolio/220106/key-2023@2023-02-30/",
        "/projects/none/",
        "/cockpit/?period=2023-13",
        "/cockpit/?period=abc",
        "/cockpit/?known_at=2023-02-30",
        "/cockpit/?as_of=x",
        "/indicators/?period=2023-6",
        "/nowhere/",
    ],
)
def test_what_does_not_exist_is_a_404_in_chinese(signed_in, path):
    response = signed_in("leader").get(path)
    assert response.status_code == 404
    assert "没有" in response.content.decode()


def test_a_month_without_figures_is_an_honest_page(signed_in):
    response = signed_in("leader").get("/cockpit/?period=2024-01")
    assert response.status_code == 200
    assert "尚未录入" in response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_admin_site_is_for_admins(signed_in, world, role):
    response = signed_in(role).get("/admin/")
    assert response.status_code == (200 if role == "admin" else 302)


def test_admin_site_has_no_sign_in_of_its_own(client, db):
    assert client.get("/admin/login/?next=/admin/")["Location"].startswith("/accounts/login/")


def admin_urls(action: str, model: str, pk: int | None = None) -> str:
    return f"/admin/indicators/{model}/" + (f"{pk}/{action}/" if pk else f"{action}/")


@pytest.mark.parametrize("model", ["vintage", "observation"])
def test_admin_site_changes_no_figure(signed_in, world, model):
    from indicators.models import Observation, Vintage

    pk = {"vintage": Vintage, "observation": Observation}[model].objects.first().pk
    client = signed_in("admin")
    assert client.get(admin_urls("change", model, pk)).status_code == 200
    assert client.post(admin_urls("change", model, pk), {"note": "x"}).status_code == 403
    assert client.post(admin_urls("delete", model, pk), {"post": "yes"}).status_code == 403
    assert client.post(admin_urls("add", model), {}).status_code == 403


def test_admin_site_ends_a_definition_in_use_but_does_not_change_it(signed_in, world):
    from indicators.models import IndicatorVersion

    version = IndicatorVersion.objects.get(indicator__code="industrial_output")
    client = signed_in("admin")
    data = {"valid_to": "2030-12-31", "unit": "万元", "valid_from": "2024-01-01"}
    assert client.post(admin_urls("change", "indicatorversion", version.pk), data).status_code == 302
    version.refresh_from_db()
    assert (version.unit, str(version.valid_from), str(version.valid_to)) == ("亿元", "2020-01-01", "2030-12-31")


def test_admin_site_refuses_reversed_dates(signed_in, world):
    from indicators.models import IndicatorVersion

    version = IndicatorVersion.objects.get(indicator__code="industrial_output")
    response = signed_in("admin").post(admin_urls("change", "indicatorversion", version.pk), {"valid_to": "2019-01-01"})
    assert response.status_code == 200
    assert "止期不得早于起期" in response.content.decode()


def test_nobody_gives_a_role_to_themselves(signed_in, world, cast):
    client = signed_in("admin")
    data = {"username": cast.admin.username, "name": "改名", "role": "reviewer"}
    client.post(f"/admin/accounts/user/{cast.admin.pk}/change/", data)
    cast.admin.refresh_from_db()
    assert (cast.admin.role, cast.admin.name) == ("admin", "改名")
