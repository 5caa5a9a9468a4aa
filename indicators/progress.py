"""How far a form is: how many of the figures it owes are filled in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from indicators.calculations import share_percent
from indicators.models import Entry, Submission
from indicators.obligations import Obligation


@dataclass(frozen=True, slots=True)
class Progress:
    """`filled` of `owed` figures say something, or why there is none; `unread` lines hold what is no figure."""

    filled: int
    owed: int
    unread: int = 0

    @property
    def percent(self) -> Decimal | None:
        """Completeness, in percent; None when nothing is owed."""
        return share_percent(Decimal(self.filled), Decimal(self.owed))

    def __add__(self, other: Progress) -> Progress:
        return Progress(self.filled + other.filled, self.owed + other.owed, self.unread + other.unread)


def progress(obligations: Collection[Obligation], entries: Iterable[Entry]) -> Progress:
    """How far the entries go in filling what is owed; entries of other figures do not count."""
    found = {(entry.indicator_id, entry.period.code): entry for entry in entries}
    owed = [found.get(one.address) for one in obligations]
    written = [entry for entry in owed if entry is not None]
    return Progress(
        filled=sum(not entry.is_blank or bool(entry.null_reason) for entry in written),
        owed=len(owed),
        unread=sum(bool(entry.unread) for entry in written),
    )


def entries_by_form(submissions: Collection[Submission]) -> dict[int, list[Entry]]:
    """By submission id, its entries with what `progress` reads of them; one query."""
    found: dict[int, list[Entry]] = {}
    fields = ("indicator", "value", "growth", "rank_place", "text", "null_reason", "unread")
    period = ("period_kind", "period_start", "period_end")
    for entry in Entry.objects.filter(submission__in=submissions).order_by().only("submission", *fields, *period):
        found.setdefault(entry.submission_id, []).append(entry)
    return found
