"""Texts that no spreadsheet takes for formulas, and the way back; the standard library only."""

from __future__ import annotations

import re
from typing import Final

# What a spreadsheet takes for the start of a formula, full-width forms included; and the mark that says it is none.
FORMULA_STARTS: Final = "=+-@＝＋－＠\t\r\n"
TEXT_MARK: Final = "'"
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def harmless(said: str) -> str:
    """A text that no spreadsheet takes for a formula. Negative numbers are no formulas.

    Undone by `said_harmlessly`.
    """
    start = said.lstrip(" \u00a0\u3000")[:1]
    is_risky = (start != "" and (start in FORMULA_STARTS or start == TEXT_MARK)) or said[:1] in ("\t", "\r", "\n")
    return f"{TEXT_MARK}{said}" if is_risky and not _NUMBER.fullmatch(said) else said


def said_harmlessly(cell: str) -> str:
    """The text behind a cell of a CSV of ours."""
    rest = cell.removeprefix(TEXT_MARK)
    return rest if rest != cell and harmless(rest) != rest else cell
