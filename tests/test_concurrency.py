"""Twenty people at once on one form for a minute: the real server, real requests, PostgreSQL.

Cells are only ever written over the text their writer saw, so the successful saves of a cell form one chain, which
must be exactly what the history holds; every step of the form is taken by exactly one of those who try.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

from tests import serving
from tests.serving import PASSWORD, ROOT, App

SECONDS = 60
STAFF, REVIEWERS = 14, 6
FORM = "/rounds/2023-07/gxj/"
FIELDS = ("note", "value", "growth", "reason")
# As many people as it takes, with the trial accounts' password.
PEOPLE = f"""
from lvyuan.accounts.models import User
staff, reviewer = User.objects.get(username="staff"), User.objects.get(username="reviewer")
User.objects.bulk_create(
    User(username=f"{{one.role}}-{{n}}", name=f"{{one.role}} {{n}}", role=one.role, department=one.department,
         password=one.password, is_local=True)
    for one, count in ((staff, {STAFF}), (reviewer, {REVIEWERS})) for n in range(count)
)
"""


@pytest.fixture
def app() -> Iterator[App]:
    with serving.served() as app:
        subprocess.run([sys.executable, "manage.py", "shell", "-c", PEOPLE], cwd=ROOT, env=app.environment, check=True)
        yield app


@dataclass
class Client:
    """One person with a session; counts answers by status and remembers what succeeded."""

    app: App
    username: str
    until: float
    cookies: dict[str, str] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)  # steps that this person's requests took
    saved: list[tuple[str, str, str]] = field(default_factory=list)  # field, text seen, text written
    refusals: set[str] = field(default_factory=set)
    connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, page and where to go next."""
        self.connection = self.connection or http.client.HTTPConnection(urlsplit(self.app.url).netloc, timeout=30)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body.encode(), {"Cookie": cookie, **headers})
        response = self.connection.getresponse()
        page = response.read().decode()
        for name, value in re.findall(r"(\w+)=([^;]*);", "; ".join(response.headers.get_all("Set-Cookie") or [])):
            if name in ("sessionid", "csrftoken"):
                self.cookies[name] = value
        self.answers[f"{method} {path.rsplit('/', 2)[-2]}", response.status] += 1
        return response.status, page, response.headers.get("Location", "")

    def post(self, path: str, page: str, **data: str) -> tuple[int, str]:
        """A form of `page`, sent as a browser would; a refusal's sentence is kept."""
        status, answer, _ = self.ask(
            "POST", path, urlencode({"csrfmiddlewaretoken": token(page), **data}),
            **{"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        if status == 409:
            self.refusals |= set(re.findall(r'role="alert">\s*([^<]+)', answer))
        return status, answer

    def sign_in(self) -> None:
        _, page, _ = self.ask("GET", "/accounts/login/")
        status, _ = self.post("/accounts/login/", page, username=self.username, password=PASSWORD)
        assert status == 302

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until


def token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page[:2000]
    return found[1]


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def work_as_staff(client: Client, number: int) -> Client:
    """Saves cells over what was last seen there, and now and then hands in or takes back the whole form."""
    client.sign_in()
    chance, count = random.Random(number), 0  # noqa: S311 - what to do next
    _, page, _ = client.ask("GET", FORM)
    csrf, seen = token(page), dict.fromkeys(FIELDS, "")
    while not client.is_over:
        count += 1
        name = chance.choice(list(seen))
        text = {
            "note": f"{client.username}第{count}次写的说明",
            "value": f"25{number % 10}.{number // 10}{count:03d}亿元",
            "growth": f"1{number % 10}.{number // 10}{count:03d}",
            "reason": f"{client.username}第{count}次更正",
        }[name]
        cell = {"indicator": "industrial_output", "field": name, "text": text, "seen": seen[name]}
        status, answer, _ = client.ask(
            "POST", f"{FORM}cells/", json.dumps({"cells": [cell]}),
            **{"Content-Type": "application/json", "X-CSRFToken": csrf},
        )  # fmt: skip
        assert status == 200, answer[:500]
        told = json.loads(answer)
        outcome = told["cells"][0]
        if outcome["outcome"] == "saved":
            client.saved.append((name, seen[name], outcome["text"]))
        client.answers[f"cell {outcome['outcome']}", 200] += 1
        seen[name] = outcome["text"]
        if outcome["outcome"] == "saved" and chance.random() < 0.3:
            # Hands in what it has just seen, unless somebody changed it meanwhile.
            version = str(told["row_version"])
            client.taken["submit"] += client.post(FORM, page, row_version=version, do="submit")[0] == 302
        time.sleep(chance.random() * 0.1)  # people think, if only for a moment
    return client


def work_as_reviewer(client: Client, number: int, review: str) -> Client:
    """Approves, returns, or reopens what is there, as it was seen a moment ago."""
    client.sign_in()
    chance = random.Random(1000 + number)  # noqa: S311
    while not client.is_over:
        _, page, _ = client.ask("GET", review)
        version = hidden(page, "row_version")
        offered = [deed for deed in ("approve", "return", "reopen") if f'action="{review}{deed}/"' in page]
        if not offered:
            time.sleep(0.05)
            continue
        deed = chance.choice(offered)
        status, _ = client.post(f"{review}{deed}/", page, row_version=version, reason=f"{client.username}要求核对")
        client.taken[deed] += status == 302
    return client


def test_twenty_people_on_one_form_for_a_minute(app: App) -> None:
    with psycopg.connect(app.environment["DATABASE_OWNER_URL"]) as database:
        [(form,)] = database.execute(
            "SELECT s.id FROM indicators_submission s JOIN accounts_department d ON d.id = s.department_id"
            " WHERE d.code = 'gxj'"
        ).fetchall()
        until = time.monotonic() + float(os.environ.get("CONCURRENCY_SECONDS", SECONDS))
        with ThreadPoolExecutor(STAFF + REVIEWERS) as pool:
            running = [pool.submit(work_as_staff, Client(app, f"staff-{n}", until), n) for n in range(STAFF)] + [
                pool.submit(work_as_reviewer, Client(app, f"reviewer-{n}", until), n, f"/reviews/{form}/")
                for n in range(REVIEWERS)
            ]
            clients = [one.result() for one in running]
        for one in clients:
            assert one.connection
            one.connection.close()
        answers = sum((one.answers for one in clients), Counter())
        taken = sum((one.taken for one in clients), Counter())
        assert {status for _, status in answers} <= {200, 302, 409}, answers

        # Each step was taken by exactly one person, one after another; nobody was told otherwise.
        steps = database.execute(
            "SELECT from_state, to_state FROM indicators_transition WHERE submission_id = %s ORDER BY id", [form]
        ).fetchall()
        assert [before for before, _ in steps] == ["draft", *(after for _, after in steps[:-1])]
        names = {
            ("draft", "submitted"): "submit", ("returned", "submitted"): "submit", ("submitted", "approved"): "approve",
            ("submitted", "returned"): "return", ("approved", "returned"): "reopen",
        }  # fmt: skip
        assert Counter(names[step] for step in steps) == +taken
        assert min(taken[name] for name in ("submit", "approve", "return", "reopen")) > 0, taken

        # Of each cell, the saves are one chain from the empty text on, and the history holds it link by link.
        saved = [link for one in clients for link in one.saved]
        for name in FIELDS:
            after = {seen: text for field, seen, text in saved if field == name}
            links = [link for link in saved if link[0] == name]
            assert len(after) == len(links), f"两人同时改写了{name}的同一内容"
            chain, text = [], ""
            while text in after:
                text = after[text]
                chain.append(text)
            assert len(chain) == len(links) > 5, f"{name}的一次保存丢失了"
            recorded = database.execute(
                "SELECT e.before->>%(f)s, e.after->>%(f)s FROM audit_event e"
                " WHERE model = 'indicators.entry' AND after->>'submission_id' = %(s)s ORDER BY id",
                {"f": name, "s": str(form)},
            ).fetchall()
            kept = [new or "" for old, new in recorded if (old or "") != (new or "")]
            assert [text.removesuffix("亿元") for text in chain] == kept

        # Every approval that changed something is a vintage, written by one person and approved by another.
        vintages = database.execute(
            "SELECT v.entered_by_id, v.approved_by_id FROM indicators_vintage v JOIN indicators_entry e"
            " ON e.id = v.entry_id WHERE e.submission_id = %s", [form],
        ).fetchall()  # fmt: skip
        assert 0 < len(vintages) <= taken["approve"]
        assert all(entered != approved for entered, approved in vintages)

    # The losers were told, in words, and by a page.
    refused = " ".join(text for one in clients for text in one.refusals)
    assert answers["POST 2023-07", 409] or answers["POST gxj", 409], answers
    assert any(count for (what, status), count in answers.items() if status == 409 and "POST" in what)
    assert "没有" in refused
    assert answers["cell conflict", 200] > 0
