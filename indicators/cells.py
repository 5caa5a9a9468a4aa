"""One cell of a form: the text it shows, and what a typed text means for its entry's columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from indicators.forms import LineForm, entry_initial
from indicators.models import Entry

# The columns of an entry that each field of a line decides.
COLUMNS = {
    "value": ("value", "comparator", "unit", "printed", "null_reason"),
    "growth": ("growth", "growth_basis"),
    "rank_place": ("rank_pool", "rank_place", "rank_by"),
    "rank_by": ("rank_by",),
    "note": ("note",),
    "status": ("status",),
    "reason": ("reason",),
}
MAX_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A text typed into one field of an indicator's line, over the text that was `seen` there."""

    indicator: str
    field: str
    text: str
    seen: str

    @property
    def typed(self) -> str:
        """The text without what no cell keeps: zeros, space around it, line ends outside a note."""
        lines = self.text.replace("\0", "").strip().splitlines()
        return ("\n" if self.field == "note" else " ").join(lines)


def shown_text(entry: Entry | None, field: str) -> str:
    """What the form shows in a cell: what could not be understood stays as typed."""
    return shown_texts(entry)[field]


def shown_texts(entry: Entry | None) -> dict[str, str]:
    """By field, what the form shows in a line."""
    entry = entry or Entry()
    texts = {name: "" if said is None else str(said) for name, said in entry_initial(entry).items()}
    return texts | {name: str(said) for name, said in entry.unread.items()}


def write_cell(entry: Entry, field: str, text: str, *, unit: str, pool: Any) -> str:
    """Sets what the text means on the entry, unsaved; gives why not where it means nothing, and keeps it as typed."""
    form = LineForm(shown_texts(entry) | {field: text}, unit=unit, pool=pool)
    columns = form.columns()
    for name in COLUMNS[field]:
        setattr(entry, name, columns[name])
    entry.unread.pop(field, None)
    if field not in form.errors:
        return ""
    entry.unread[field] = text
    return "".join(map(str, form.errors[field]))


def unread_problems(entry: Entry, *, unit: str, pool: Any) -> dict[str, str]:
    """By field, why what was typed there means nothing."""
    if not entry.unread:
        return {}
    errors = LineForm(shown_texts(entry), unit=unit, pool=pool).errors
    return {name: "".join(map(str, errors.get(name, [gettext("请重新填写这一格。")]))) for name in entry.unread}
