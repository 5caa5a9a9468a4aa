"""What questions about figures say, and what they offer."""

from __future__ import annotations

import difflib

from django.utils.translation import gettext

from indicators.imports.records import AS_IS
from indicators.imports.understanding.wording import cleaned
from lvyuan.imports.asking import IGNORE
from lvyuan.imports.table import shown

SUGGESTIONS = 5
LAST_YEARS = 8


def ignore() -> tuple[str, str]:
    return IGNORE, gettext("不导入")


def as_is() -> tuple[str, str]:
    return AS_IS, gettext("单位没有写错，照文件导入")


def quoted(text: str) -> str:
    return f"“{shown(text)}”"


def named_options(text: str, names: dict[str, str], titles: dict[str, str]) -> list[tuple[str, str]]:
    """The likeliest five first, then 不导入, then all others; `names` squeezed → code, `titles` code → name."""
    near = [names[name] for name in difflib.get_close_matches(cleaned(text), names, n=20, cutoff=0.4)]
    within = [
        code for name, code in names.items() if len(name) > 1 and (name in cleaned(text) or cleaned(text) in name)
    ]
    first = list(dict.fromkeys(within + near))[:SUGGESTIONS]
    rest = [code for code in titles if code not in first]
    leave = (IGNORE, gettext("不导入（新指标要先补定义）"))
    return [(code, titles[code]) for code in first] + [leave] + [(code, titles[code]) for code in rest]


def is_near(text: str, names: dict[str, str]) -> bool:
    """Whether some indicator's name resembles the text."""
    name = cleaned(text)
    return len(name) > 1 and (
        bool(difflib.get_close_matches(name, names, n=1, cutoff=0.6))
        or any(len(known) > 2 and (known in name or (len(name) > 2 and name in known)) for known in names)
    )
