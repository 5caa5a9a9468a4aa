"""Definitions from files: departments, people, indicators, targets, strategy, projects.

fields: what columns may be called and how cells are read · layout: which column is which · reading: rows → what they
say · kind: the loader of fixtures run over it, in rehearsal and for good · undoing · blank: an empty workbook.
"""

from lvyuan.imports.records.fields import (
    Codes,
    Context,
    Fault,
    Field,
    Reader,
    codes_of,
    day,
    nested,
    of,
    own_reference,
    period,
    reference,
    references,
    whole,
)
from lvyuan.imports.records.kind import RecordKind, Rehearsed
from lvyuan.imports.records.layout import RecordLayout
from lvyuan.imports.records.reading import Entry, Key

__all__ = [
    "Codes",
    "Context",
    "Entry",
    "Fault",
    "Field",
    "Key",
    "Reader",
    "RecordKind",
    "RecordLayout",
    "Rehearsed",
    "codes_of",
    "day",
    "nested",
    "of",
    "own_reference",
    "period",
    "reference",
    "references",
    "whole",
]
