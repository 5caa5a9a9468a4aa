"""The interface in English: who chooses it, what it changes, and that the catalogue is whole."""

from __future__ import annotations

import html
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

from tests.messages import load
from tests.test_pages import PAGES, ROLES, get, world  # noqa: F401

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


@pytest.mark.parametrize("name", [name for name in PAGES if name != "evidence-detail"])
def test_page_is_english_but_for_data(english, world, name):  # noqa: F811
    path, expected = PAGES[name]
    data = data_texts()
    for role in (role for role in ROLES if expected[role] == 200):
        response = english(role).get(path.format(**world))
        assert response.status_code == 200
        page = response.content.decode()
        if name != "lines-feedback":
            assert '<html lang="en"' in page
        assert left_in_chinese(page, data) == [], role
