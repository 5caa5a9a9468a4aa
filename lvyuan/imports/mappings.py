"""What a sender answered for files of one shape, kept for the next file of that shape."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable
from typing import Final

from django.utils import timezone

from lvyuan.accounts.models import User
from lvyuan.imports.models import ImportJob, SavedMapping
from lvyuan.imports.table import RETURNED_HEADS, STRIP, Table

# Answers about one file's figures: next month they would be guesses.
ONCE: Final = ("period", "year", "percent", "magnitude", "hidden_rows", "hidden_columns", "unmatched")
_BLANKS: Final = re.compile(f"[{STRIP}]+")
_DATES: Final = re.compile(
    "(?:第?[0-9０-９一二三四五六七八九十]+(?:年度?|月份?|日|季度|[-－—–―~～至到./])*)+[末底]?|上半年|前三季度|全年|年末|年底"
)


def fingerprint(tables: Iterable[Table]) -> str:
    """The shape of a file: its tables' heads in their order, whatever the sheets are called.

    Numbers and periods count as one sign, so that next month's file has the same; figures and rows do not count, nor
    what an error workbook added.
    """
    heads = [
        [[_shape(text) for text in head.path] for head in table.heads if not set(head.path) & set(RETURNED_HEADS)]
        for table in tables
    ]
    return hashlib.sha256(json.dumps(heads, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _shape(text: str) -> str:
    return _DATES.sub("#", _BLANKS.sub("", text))


def remembered(sender: User, kind: str, tables: Iterable[Table]) -> dict[str, str]:
    """What the sender last answered for a file of this shape; one query."""
    saved = SavedMapping.objects.filter(sender=sender, kind=kind, fingerprint=fingerprint(tables)).first()
    return dict(saved.answers) if saved else {}


def remember(job: ImportJob, tables: Iterable[Table], taken_back: Collection[str] = ()) -> None:
    """Keeps the job's answers for its sender, but for those about this file alone; called inside an action.

    What was chosen for this shape before stays, where this job did not choose anew or took its choice back.
    """
    answers = {code: told for code, told in job.answers.items() if code.partition(":")[0] not in ONCE}
    shape = fingerprint(tables)
    saved = SavedMapping.objects.filter(sender=job.created_by, kind=job.kind, fingerprint=shape).first()
    if saved is None and not answers:
        return
    kept = {code: told for code, told in saved.answers.items() if code not in taken_back} if saved else {}
    saved = saved or SavedMapping(sender=job.created_by, kind=job.kind, fingerprint=shape)
    saved.answers, saved.file_name, saved.used_at = kept | answers, job.file_name, timezone.now()
    saved.save()
