"""The interface in English: who chooses it, what it changes, and that the catalogue is whole."""

from __future__ import annotations

import html
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from tests.messages import load
from tests.test_pages import FILES, PAGES, ROLES, world  # noqa: F401
from tests.test_queries import PATHS

pytestmark = pytest.mark.django_db
CHINESE = re.compile("[\u3001-\u303f\u4e00-\u9fff\uff01-\uff5e]")
TAGS = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL)
ATTRIBUTES = re.compile(r'\b(?:aria-label|title|data-label|placeholder|alt)="([^"]*)"')
SWITCH = "中文"


def data_texts() -> list[str]:
    """Every text the database holds, longest first: what pages may show as it is."""
    found: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.CharField | models.TextField) and not field.choices:
                found |= {text for text in model._base_manager.values_list(field.attname, flat=True).distinct() if text}
            elif isinstance(field, models.JSONField):
                found |= set(strings(list(model._base_manager.values_list(field.attname, flat=True))))
    # Examples of what to type, since figures and periods are read as Chinese statistics write them.
    found |= {entry.msgstr for entry in load() if CHINESE.search(entry.msgstr)}
    for lists in apps.get_model("indicators", "Indicator").objects.values_list("aliases", flat=True):
        found |= set(lists)
    pieces = {line.strip() for text in found for line in text.splitlines()}
    return sorted({text for text in pieces if CHINESE.search(text)}, key=len, reverse=True)


def strings(value) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return [text for item in value for text in strings(item)] if isinstance(value, list | tuple) else []


def left_in_chinese(page: str, data: list[str]) -> list[str]:
    """Texts of the page that hold Chinese and are no data."""
    shown = [*TAGS.sub("\0", page).split("\0"), *ATTRIBUTES.findall(page)]
    left = []
    for piece in shown:
        text = html.unescape(piece).strip()
        if not CHINESE.search(text) or text == SWITCH:
            continue
        if len(text) > 3 and any(known.startswith(text) for known in data):
            continue  # a printed wording whose figure stands apart: 超出预期 17.1个百分点
        rest = text
        for known in data:
            rest = rest.replace(known, "")
        if CHINESE.search(rest):
            left.append(text)
    return left


@pytest.fixture
def english(signed_in):
    """`english("leader")`: a client with that person's session and choice."""

    def sign_in(name: str):
        client = signed_in(name)
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        return client

    return sign_in


@pytest.mark.parametrize("name", [name for name in PAGES if name not in FILES])
def test_page_is_english_but_for_data(english, world, name):  # noqa: F811
    path, expected = PAGES[name]
    data = data_texts()
    for role in (role for role in ROLES if expected[role] == 200):
        response = english(role).get(path.format(**world))
        assert response.status_code == 200
        page = response.content.decode()
        assert '<html lang="en"' in page or name in ("lines-feedback", "headline-charts")
        assert left_in_chinese(page, data) == [], role


# Who chooses


def test_chinese_is_what_everybody_sees_without_a_choice(client, db):
    """An office computer with an English browser shows Chinese (README)."""
    for header in ("en", "en-US,en;q=0.9,zh;q=0.1", "de"):
        response = client.get("/accounts/login/", headers={"accept-language": header})
        assert '<html lang="zh-Hans">' in response.content.decode()
        assert response["Content-Language"] == "zh-Hans"
        assert "Accept-Language" not in response.get("Vary", "")


@pytest.mark.parametrize("code", ["fr", "zh-hant", "", "../en", "EN"])
def test_a_cookie_that_names_no_language_is_chinese(client, db, code):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = code
    assert '<html lang="zh-Hans">' in client.get("/accounts/login/").content.decode()


def test_the_language_of_one_answer_is_not_that_of_the_next(client, db):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert "Sign in" in client.get("/accounts/login/").content.decode()
    assert translation.get_language() == settings.LANGUAGE_CODE


def test_choosing_leads_back_to_the_same_page_and_its_query(signed_in):
    client = signed_in("leader")
    page = client.get("/indicators/?period=2023-06&sort=-value").content.decode()
    assert 'value="en" lang="en">English</button>' in " ".join(page.split())
    assert 'name="next" value="/indicators/?period=2023-06&amp;sort=-value"' in page
    back = "/indicators/?period=2023-06&sort=-value"
    response = client.post("/language/", {"language": "en", "next": back})
    assert (response.status_code, response["Location"]) == (302, back)
    cookie = response.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("en", True, "Lax")
    assert cookie["max-age"] == 365 * 24 * 60 * 60
    page = client.get(back).content.decode()
    assert '<html lang="en">' in page
    assert 'value="zh-hans" lang="zh-Hans">中文</button>' in " ".join(page.split())
    client.post("/language/", {"language": "zh-hans", "next": back})
    assert '<html lang="zh-Hans">' in client.get(back).content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "", "\\\\evil"])
def test_choosing_leads_nowhere_else(client, db, back):
    assert client.post("/language/", {"language": "en", "next": back})["Location"] == "/"


@pytest.mark.parametrize("code", ["fr", "", "zh-hant", "en-gb"])
def test_a_language_that_is_not_spoken_is_refused(client, db, code):
    response = client.post("/language/", {"language": code, "next": "/"})
    assert response.status_code == 400
    assert settings.LANGUAGE_COOKIE_NAME not in response.cookies


def test_choosing_is_a_post_with_a_token(client, db):
    assert client.get("/language/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "en"}).status_code == 403
    page = strict.get("/accounts/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    response = strict.post("/language/", {"language": "en", "next": "/", "csrfmiddlewaretoken": token})
    assert response.status_code == 302


def test_a_refused_form_offers_no_switch(signed_in, world):  # noqa: F811
    """What was typed would be lost; and an address that takes posts alone has no page to go back to."""
    response = signed_in("staff").post("/rounds/2023-07/gxj/", {"do": "submit"})
    assert 'class="language"' not in response.content.decode()
    assert 'class="language"' in signed_in("staff").get("/rounds/2023-07/gxj/").content.decode()


# What stays


FIGURE = re.compile(r'<data value="([^"]*)" data-key="([^"]+)">(.*?)</data>', re.DOTALL)


@pytest.mark.parametrize("path", PATHS)
def test_figures_and_queries_are_the_same_in_both_languages(signed_in, path):
    client = signed_in("leader")
    client.get(path)
    seen = {}
    for language in ("zh-hans", "en"):
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path).content.decode()
        figures = [
            (value, key, re.sub(r"[^0-9.+—-]", "", digits_of(text))) for value, key, text in FIGURE.findall(page)
        ]
        seen[language] = (len(queries), figures)
    assert seen["en"] == seen["zh-hans"]


def digits_of(text: str) -> str:
    """The digits and signs that a figure begins with, its place in a ranking included; no unit (×100m yuan)."""
    found = re.search(r"[+-]?[0-9][0-9.,]*(—[0-9][0-9.,]*)?", text)
    return found[0] if found else text


def test_what_is_stored_is_chinese_whoever_acts(english, cast):
    from indicators.models import Round
    from lvyuan.audit.models import Event
    from lvyuan.notices.models import Notice
    from tests.indicators.test_actions import save

    submission = save(cast.staff, Round.objects.get(code="2023-07"))
    submission.refresh_from_db()
    client = english("staff")
    response = client.post("/rounds/2023-07/gxj/", {"do": "submit", "row_version": submission.row_version}, follow=True)
    assert response.status_code == 200
    notice = Notice.objects.get(recipient=cast.reviewer)
    assert notice.title == "2023年7月补报 工信局：待审核"
    event = Event.objects.filter(actor_id=cast.staff.pk).latest("pk")
    assert event.actor == "T-Staff（t-staff，填报员）"


def test_english_names_and_words_of_a_figure(english):
    """Names from fixtures/article/indicators.json; 223.7亿元 is printed there, the place is 第二位 of five."""
    page = english("leader").get("/figures/industrial_output/220106/2023-06.ytd/").content.decode()
    assert "Gross output of industrial enterprises above designated size" in page
    assert "Jan–Jun 2023" in page
    assert '<data value="223.7" data-key="industrial_output/220106/2023-06.ytd/value">223.7 ×100m yuan</data>' in page


def test_refusals_are_english(english):
    assert "There is no period" in english("leader").get("/cockpit/?period=2023-13").content.decode()
    assert "Your role cannot do this" in english("leader").get("/reviews/").content.decode()
