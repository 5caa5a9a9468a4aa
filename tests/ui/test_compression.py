"""Pages leave compressed, and what that gives away is bounded (BREACH, docs/decisions.md)."""

from __future__ import annotations

import gzip
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from indicators import actions
from indicators.models import Entry, Round
from tests.conftest import PASSWORD
from tests.indicators.test_actions import PNG, save

pytestmark = pytest.mark.django_db


def gzipped(client, path: str, **headers: str):
    return client.get(path, headers={"Accept-Encoding": "gzip, br"} | headers)


def test_pages_are_compressed_behind_a_name_of_random_length(signed_in):
    client = signed_in("leader")
    client.get("/targets/")  # sets the CSRF cookie
    plain = client.get("/targets/").content
    answers = [gzipped(client, "/targets/") for _ in range(12)]
    for answer in answers:
        assert answer["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["Vary"]
        assert len(answer.content) == int(answer["Content-Length"]) < len(plain) / 3
        assert answer.content[3] == 8  # RFC 1952: FNAME, the padding that hides the length
    assert len({len(answer.content) for answer in answers}) > 3
    # A secret that the page repeats is masked anew each time.
    tokens = {
        re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', gzip.decompress(one.content).decode())[1]
        for one in answers
    }
    assert len(tokens) == 12


def test_compressed_pages_stay_conditional(signed_in):
    client = signed_in("leader")
    client.get("/indicators/")
    first = gzipped(client, "/indicators/")
    again = gzipped(client, "/indicators/", **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/indicators/")["ETag"] == first["ETag"]


def test_files_are_not_compressed(signed_in, cast):
    submission = save(cast.staff, Round.objects.get(code="2023-07"))
    entry = Entry.objects.get(submission=submission)
    picture = PNG + b"\0" * 4000
    kept = actions.add_evidence(by=cast.staff, entry=entry, upload=SimpleUploadedFile("a.png", picture))
    answer = gzipped(signed_in("staff"), f"/evidence/{kept.pk}/")
    assert "Content-Encoding" not in answer
    assert b"".join(answer) == picture


def test_no_other_site_can_ask_for_a_page_in_a_persons_name(client, cast):
    """Whoever measures compressed lengths must first make a signed-in browser ask: cookies do not go along."""
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"username": cast.leader.username, "password": PASSWORD})
    assert {name: cookie["samesite"] for name, cookie in client.cookies.items()} == {
        "sessionid": "Lax",
        "csrftoken": "Lax",
    }
