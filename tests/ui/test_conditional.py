"""Unchanged pages are 304; whatever a page shows makes it 200 again at once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal as D

import pytest
from django.contrib.messages.storage.base import Message as Said
from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from indicators import actions
from indicators.models import Entry, IndicatorVersion, Round, Target, Vintage
from lvyuan.accounts.models import Department, User
from lvyuan.audit.models import Event
from lvyuan.audit.triggers import FIGURES
from lvyuan.audit.version import models_about
from lvyuan.imports.models import ImportJob
from lvyuan.notices.actions import Message, notify
from lvyuan.notices.models import Notice
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.middleware import NEVER_STORED
from projects.models import KeyProject, StageEvent
from tests.conftest import PASSWORD
from tests.indicators.calls import DAY, call, local
from tests.indicators.factories import figure
from tests.indicators.test_actions import approve, draft, save
from tests.test_pages import PAGES

pytestmark = pytest.mark.django_db
COCKPIT, LIST, ONE = "/cockpit/", "/indicators/", "/indicators/industrial_output/"
FIGURE, PROJECTS = "/figures/industrial_output/220106/2023-06.ytd/", "/projects/"
APPROVED = "/figures/industrial_output/220106/2023-07.ytd/"  # once it is: the figure that tests log
ONLY_JOINED = "what a vintage took from its entry is in the vintage; only joined on the way to evidence and steps"
FORMS = {"target-create", "target-change"}
# Tables that pages read beside their topics, and why they may.
READ_BESIDE = {
    Session: "the session: who asks, and messages, are told apart",
    Notice: "unread notices are counted in the ETag",
    Entry: ONLY_JOINED,
    Event: "who set a target, written with it",
    ImportJob: "only who made it, which never changes, for whether evidence may be seen",
}


def conditional_pages(resolver=None) -> dict[str, frozenset[str]]:
    """Name → topics of every URL whose view carries the decorator."""
    found: dict[str, frozenset[str]] = {}
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            found |= conditional_pages(pattern)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "topics"):
            found[pattern.name] = pattern.callback.topics
    return found


TOPICS = conditional_pages()
PATHS = {name: PAGES[name][0] for name in TOPICS}
SHARED = sorted(name for name in TOPICS if resolve(PATHS[name].partition("?")[0]).func.shared)


@pytest.fixture
def sign_in(cast) -> Callable[[str], Client]:
    """A browser of that person's own: signed in through the page, so that it has a CSRF secret."""

    def by_form(name: str, client: Client | None = None) -> Client:
        client = client or Client(enforce_csrf_checks=True)
        fields = {"username": f"t-{name}", "password": PASSWORD, "csrfmiddlewaretoken": token(client)}
        assert client.post("/accounts/login/", fields).status_code == 302
        return client

    return by_form


@pytest.fixture
def leader(sign_in) -> Client:
    return sign_in("leader")


def token(client: Client, path: str = "/accounts/login/") -> str:
    return token_of(client.get(path))


def token_of(response: HttpResponse) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', response.content.decode())[1]


class Kept:
    """A page as a browser keeps it."""

    def __init__(self, client: Client, path: str, **headers: str) -> None:
        self.client, self.path, self.headers = client, path, headers
        self.page = client.get(path, headers=headers)
        assert self.page.status_code == 200
        self.etag = self.page["ETag"]

    def ask(self) -> HttpResponse:
        return self.client.get(self.path, headers=self.headers | {"If-None-Match": self.etag})

    @property
    def is_fresh(self) -> bool:
        return self.ask().status_code == 304


# What stays


@pytest.mark.parametrize("name", PATHS)
def test_an_unchanged_page_is_a_304_of_three_queries(leader, name):
    kept = Kept(leader, PATHS[name])
    assert kept.etag.startswith('W/"')
    with CaptureQueriesContext(connection) as queries:
        again = kept.ask()
    assert (again.status_code, again.content) == (304, b"")
    assert [re.search(r"FROM \W?(\w+)", query["sql"])[1] for query in queries] == [
        "django_session",
        "accounts_user",
        "audit_dataversion",
    ]
    assert again["ETag"] == kept.etag
    for response in (kept.page, again):
        assert response["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "HX-Request"} <= set(response["Vary"].split(", "))
    assert leader.head(PATHS[name], headers={"If-None-Match": kept.etag}).status_code == 304


def test_pages_people_read_are_conditional_and_others_are_not():
    reading = {name for name, (path, _) in PAGES.items() if not path.startswith(NEVER_STORED)}
    assert set(TOPICS) == reading - FORMS - {"home"}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_forms_beside_read_pages_are_never_stored(sign_in, name):
    response = sign_in("admin").get(PAGES[name][0])
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert "ETag" not in response


@pytest.mark.parametrize("name", PATHS)
def test_every_table_a_page_reads_is_of_its_topics(cast, sign_in, name):
    """So nothing shown can change without the version; for a page whose figure has been through the whole chain."""
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, Round.objects.get(code="2023-07")))
    approve(cast.reviewer, submission)
    path = APPROVED if name == "figure-detail" else PATHS[name]
    client = sign_in("reviewer")  # who sees the most
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    read = {table for query in queries for table in re.findall(r'(?:FROM|JOIN) "?(\w+)"?', query["sql"])}
    # What a query calls a part of itself is no table.
    read -= {part for query in queries for part in re.findall(r"(\w+) AS (?:NOT MATERIALIZED )?\(", query["sql"])}
    known = {model._meta.db_table for model in [*models_about(TOPICS[name]), *READ_BESIDE]} | {"audit_dataversion"}
    assert len(read) > 5
    assert read - known == set()


def test_a_whole_page_counts_the_unread_notices_once(leader):
    with CaptureQueriesContext(connection) as queries:
        leader.get(LIST)
    assert sum("notices_notice" in query["sql"] for query in queries) == 1


def test_drafts_and_what_only_forms_show_renew_no_figures(cast, leader):
    kept = [Kept(leader, path) for path in (LIST, ONE, PROJECTS, "/strategy/")]
    submission = save(cast.staff, Round.objects.get(code="2023-07"))
    actions.submit(by=cast.staff, submission=submission)
    assert [one.is_fresh for one in kept] == [True] * 4


# What one person's view computed serves the next of the same role


@pytest.fixture
def memory(settings):
    """Pages are kept, as they are outside tests."""
    settings.CACHES = settings.CACHES | {
        "pages": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test", "TIMEOUT": None}
    }
    caches["pages"].clear()
    yield caches["pages"]
    caches["pages"].clear()


def own_of(response: HttpResponse) -> tuple[str, str]:
    """What is the person's own in a page, and the rest of it."""
    head, own, tail = response.content.decode().split("<!--own-->")
    return own, head + tail


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_page_is_the_same_for_all_of_a_role_but_for_their_own_part(sign_in, name):
    one, other = (sign_in(who).get(PATHS[name]) for who in ("reviewer", "reviewer2"))
    (own, rest), (others, same) = own_of(one), own_of(other)
    assert rest == same
    assert "csrfmiddlewaretoken" not in rest
    assert "T-Reviewer<" in own
    assert "T-Reviewer2<" in others


@pytest.mark.parametrize("name", SHARED)
def test_the_next_person_gets_it_from_memory_with_their_own_part(memory, sign_in, name):
    first, path = sign_in("reviewer").get(PATHS[name]), PATHS[name]
    client = sign_in("reviewer2")
    with CaptureQueriesContext(connection) as queries:
        second = client.get(path)
    assert len(queries) == 3
    assert own_of(first)[1] == own_of(second)[1]
    assert "T-Reviewer2<" in own_of(second)[0]
    assert (second["Content-Type"], second["Cache-Control"]) == (first["Content-Type"], first["Cache-Control"])
    out = client.post("/accounts/logout/", {"csrfmiddlewaretoken": token_of(second)})
    assert out.status_code == 302


def test_another_role_department_address_or_fragment_is_computed_for_itself(memory, sign_in):
    asked = (
        ("staff", COCKPIT, {}),
        ("staff2", COCKPIT, {}),  # of another department
        ("leader", COCKPIT, {}),
        ("leader", f"{COCKPIT}?period=2023-06", {}),
        ("leader", LIST, {}),
        ("leader", LIST, {"HX-Request": "true", "HX-Target": "table"}),
    )
    clients = {name: sign_in(name) for name, _, _ in asked}
    for name, path, headers in asked:
        with CaptureQueriesContext(connection) as queries:
            clients[name].get(path, headers=headers)
        assert len(queries) > 5, (name, path, headers)


def test_an_approval_is_never_hidden_by_what_is_kept(memory, cast, sign_in):
    clients = [sign_in(name) for name in ("leader", "reviewer")]
    paths = (COCKPIT, LIST, ONE, "/strategy/")
    for client in clients:
        assert all("254.1" not in client.get(path).content.decode() for path in paths)
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, Round.objects.get(code="2023-07")))
    approve(cast.reviewer, submission)
    for client in clients:
        assert all("254.1" in client.get(path).content.decode() for path in paths)


def test_a_refusal_is_not_kept(memory, leader):
    for _ in range(2):
        page = leader.get(f"{COCKPIT}?period=1")
        assert (page.status_code, "<!--own-->" in page.content.decode()) == (404, True)


# What changes a figure


def test_an_approval_shows_at_once(cast, leader):
    kept = {path: Kept(leader, path) for path in (COCKPIT, LIST, ONE, "/strategy/")}
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, Round.objects.get(code="2023-07")))
    before = kept[LIST].ask()
    approve(cast.reviewer, submission)
    assert before.status_code == 304
    for one in kept.values():
        page = one.ask()
        assert page.status_code == 200
        assert page["ETag"] != one.etag
        assert "254.1" in page.content.decode()
        assert "254.1" not in one.page.content.decode()
    assert Kept(leader, LIST).is_fresh


def revise() -> None:
    figure("industrial_output", "2023-06.ytd", "224.5", unit="亿元", reason="核实更正")


def release() -> None:
    vintage = Vintage.objects.filter(release__isnull=True).first() or figure("gdp", "2024-03.ytd", "1", unit="亿元")
    reviewer = User.objects.get(username="t-reviewer")
    actions.release(by=reviewer, vintages=[vintage], authority="新闻发布会", released_at=timezone.now())


def start() -> None:
    StageEvent.objects.create(
        project=KeyProject.objects.get(code="key-2023-01"),
        stage="started",
        happened_on=dt.date(2023, 5, 1),
        evidence_kind="permit",
    )


CHANGES = {
    "revision": (revise, FIGURE),
    "release": (release, ONE),
    "target": (lambda: Target.objects.filter(code="gdp-2025").update(name="改过的目标"), COCKPIT),
    "target's own page": (
        lambda: Target.objects.filter(code="gdp-2025").update(value=D(1)),
        "/figures/target/220106/gdp-2025/",
    ),
    "definition": (
        lambda: IndicatorVersion.objects.filter(indicator__code="industrial_output").update(scope="新口径"),
        ONE,
    ),
    "project start": (start, PROJECTS),
    "department's name": (lambda: Department.objects.filter(code="gxj").update(name="工业局"), ONE),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_what_is_shown_renews_the_page(leader, change):
    do, path = CHANGES[change]
    kept = Kept(leader, path)
    assert kept.is_fresh
    do()
    assert not kept.is_fresh
    assert Kept(leader, path).is_fresh


def test_a_return_after_approval_shows_on_the_figure_and_evidence_too(cast, leader):
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, Round.objects.get(code="2023-07"), draft()))
    approve(cast.reviewer, submission)
    kept = Kept(leader, APPROVED)
    submission.refresh_from_db()
    actions.reopen(by=cast.reviewer, submission=submission, row_version=submission.row_version, reason="另有更正")
    again = kept.ask()
    assert again.status_code == 200
    assert "另有更正" in again.content.decode()


# Time


def test_a_due_moment_that_passes_shows_without_any_write(cast, sign_in, monkeypatch):
    now = local("2026-11-02 12:00")
    monkeypatch.setattr(timezone, "now", lambda: now)
    call("2026-10", opened=1, due=1 / 24)
    leader = sign_in("leader")
    cockpit, figures = Kept(leader, COCKPIT), Kept(leader, LIST)
    now += DAY / 48
    assert (cockpit.is_fresh, figures.is_fresh) == (True, True)
    now += DAY / 24
    assert (cockpit.is_fresh, figures.is_fresh) == (False, True)


def test_a_start_known_a_moment_later_shows_then(sign_in, monkeypatch):
    """The database's clock may be ahead of the web server's: what is known from its now is not known to us yet."""
    now = local("2026-11-02 12:00")
    monkeypatch.setattr(timezone, "now", lambda: now)
    start()
    StageEvent.objects.filter(project__code="key-2023-01").update(known_from=now + dt.timedelta(seconds=2))
    kept = Kept(sign_in("leader"), PROJECTS)
    assert kept.is_fresh
    now += dt.timedelta(seconds=3)
    assert not kept.is_fresh


def test_pages_of_yesterday_are_computed_anew(sign_in, monkeypatch):
    now = local("2026-11-02 23:30")
    monkeypatch.setattr(timezone, "now", lambda: now)
    kept = Kept(sign_in("leader"), LIST)
    now += DAY / 96
    assert kept.is_fresh
    now += DAY / 48
    assert not kept.is_fresh


# Who asks, and how


@pytest.mark.parametrize(
    "change", [{"role": "auditor"}, {"name": "改名"}, {"department": "gxj"}, {"is_department_head": True}]
)
def test_another_role_department_or_name_is_another_page(cast, sign_in, change):
    kept = Kept(sign_in("staff2"), LIST)
    if "department" in change:
        change = {"department": Department.objects.get(code="gxj")}
    User.objects.filter(pk=cast.staff2.pk).update(**change)
    assert not kept.is_fresh


def test_nobody_is_shown_what_another_person_kept(leader, sign_in):
    kept = Kept(leader, COCKPIT)
    leader.post("/accounts/logout/", {"csrfmiddlewaretoken": token_of(kept.page)})
    signed_out = kept.ask()
    assert (signed_out.status_code, signed_out["Location"][:16]) == (302, "/accounts/login/")
    sign_in("auditor", leader)
    page = kept.ask()
    assert page.status_code == 200
    assert "T-Auditor" in page.content.decode()


def test_signing_in_again_renews_pages_with_the_secret(leader, sign_in):
    kept = Kept(leader, COCKPIT)
    leader.post("/accounts/logout/", {"csrfmiddlewaretoken": token_of(kept.page)})
    sign_in("leader", leader)
    assert not kept.is_fresh


def test_the_token_of_a_kept_page_still_works(leader):
    kept = Kept(leader, COCKPIT)
    assert token(leader, COCKPIT) != token_of(kept.page)  # masked anew
    assert kept.is_fresh
    assert leader.post("/accounts/logout/", {"csrfmiddlewaretoken": token_of(kept.page)}).status_code == 302


def test_without_a_secret_there_is_no_etag(leader):
    kept = Kept(leader, COCKPIT)
    del leader.cookies["csrftoken"]
    again = kept.ask()
    assert again.status_code == 200
    assert "ETag" not in again
    assert "csrftoken" in again.cookies


@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {"HX-Request": "true", "HX-Boosted": "true"}])
def test_a_fragment_is_not_the_page(leader, headers):
    page, fragment = Kept(leader, LIST), Kept(leader, LIST, **headers)
    assert page.etag != fragment.etag
    assert fragment.is_fresh
    assert leader.get(LIST, headers=headers | {"If-None-Match": page.etag}).status_code == 200


def test_another_query_is_another_page(leader):
    kept = Kept(leader, COCKPIT)
    for path in (f"{COCKPIT}?period=2023-06", f"{COCKPIT}?known_at=2023-07-15", LIST):
        assert leader.get(path, headers={"If-None-Match": kept.etag}).status_code == 200


def test_another_language_is_another_page(leader, settings):
    kept = Kept(leader, COCKPIT)
    leader.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert not kept.is_fresh
    del leader.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert kept.is_fresh


@pytest.mark.parametrize(
    ("name", "value"), [("RELEASE", "2027.1"), ("DEMO", True), ("RANK_POOL", "another"), ("HOME_DISTRICT", "220101")]
)
def test_another_release_or_installation_is_another_page(leader, settings, name, value):
    kept = Kept(leader, PROJECTS)
    setattr(settings, name, value)
    assert not kept.is_fresh


def test_unread_notices_show_at_once(cast, leader):
    kept = Kept(leader, LIST)
    notify([Message(cast.staff, "chased", "other", "催报", "", "/rounds/")])
    assert kept.is_fresh
    notify([Message(cast.leader, "chased", "own", "催报", "", "/rounds/")])
    page = kept.ask()
    assert page.status_code == 200
    assert "（1<" in page.content.decode()
    renewed = Kept(leader, LIST)
    Notice.objects.update(read_at=timezone.now())
    assert not renewed.is_fresh


def test_a_waiting_message_is_never_passed_over_nor_kept(leader):
    kept = Kept(leader, COCKPIT)
    request = RequestFactory().get(COCKPIT)
    request.session = leader.session
    request.session[SessionStorage.session_key] = SessionStorage(request).serialize_messages([Said(20, "密码已修改。")])
    request.session.save()
    page = kept.ask()
    assert page.status_code == 200
    assert "密码已修改。" in page.content.decode()
    assert "ETag" not in page
    assert kept.is_fresh


# What is no page


def test_refusals_and_missing_pages_have_no_etag(leader):
    for path in ("/indicators/none/", f"{COCKPIT}?period=2023-13"):
        response = leader.get(path)
        assert (response.status_code, response["Cache-Control"]) == (404, "no-store")
        assert "ETag" not in response
    assert leader.post(COCKPIT, {"csrfmiddlewaretoken": token(leader, COCKPIT)}).status_code == 405


@pytest.mark.parametrize(("status", "has_etag"), [(200, True), (422, False), (302, False)])
def test_only_pages_that_came_about_have_an_etag(leader, status, has_etag):
    request = leader.get(COCKPIT).wsgi_request
    view = conditional_page(FIGURES)(lambda request: HttpResponse("x", status=status))
    assert view(request).has_header("ETag") is has_etag


def test_the_decorator_wants_topics_that_exist():
    with pytest.raises(AssertionError):
        conditional_page()
    with pytest.raises(AssertionError):
        conditional_page("figure")
    assert resolve(COCKPIT).func.topics > {FIGURES}
