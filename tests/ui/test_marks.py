"""Marks are named by what they mean, and every name that a template gives has its shape, tone and word."""

from __future__ import annotations

import re
from pathlib import Path

from lvyuan.ui.templatetags.figures import MARKS, mark

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(r'{%\s*mark\s+"([^"]+)"')


def test_every_mark_that_a_template_names_is_known():
    pages = [page for app in ("indicators", "lvyuan", "projects") for page in (ROOT / app).rglob("templates/**/*.html")]
    named = {name for page in pages for name in _NAMED.findall(page.read_text(encoding="utf-8"))}
    assert {"past_half", "expired"} <= named
    assert named <= set(MARKS)


def test_no_mark_is_named_by_its_looks():
    # States that look alike today may part tomorrow, so a page asks for the meaning.
    looks = {name for shape, tone, _word in MARKS.values() for name in (shape, tone, f"{shape}_{tone}")}
    assert looks & set(MARKS) == set()


def test_past_half_says_so_without_its_colour():
    assert mark("past_half") == '<span class="mark dot good">已过半</span>'
