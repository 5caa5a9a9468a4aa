"""What the checks find in a submission, figure by figure; four queries whatever its length."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from django.db.models import Count, F, Q

from indicators.checks import NEEDS_EXPLANATION, CellFacts, Finding, Related, Rule, RuleError, Said, Severity, check
from indicators.explanations import explanation_problem
from indicators.expressions import ExpressionError
from indicators.models import (
    CheckRule,
    Comparator,
    Entry,
    IndicatorVersion,
    Submission,
    Vintage,
    VintageStatus,
)
from indicators.rows import with_details
from lvyuan import periods
from lvyuan.numbers import NumberError, convert
from lvyuan.periods import Period, label

HISTORY_YEARS = 10  # earlier years that an outlier is measured against
log = logging.getLogger(__name__)

Address: TypeAlias = tuple[int, str, Period]  # district, indicator's code, period


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings about one entry, gravest first, and what its note and last slot's note say."""

    entry: Entry
    findings: list[Finding]
    previous_note: str = ""

    @property
    def mandatory(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.MANDATORY]

    @property
    def to_explain(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity in NEEDS_EXPLANATION]

    @property
    def explanation_problem(self) -> str:
        """Why the note does not explain the findings; empty when it does or none needs it."""
        return explanation_problem(self.entry.note, self.previous_note) if self.to_explain else ""


def findings(submission: Submission) -> dict[int, Checked]:
    """Every entry of the submission, under its id, with what the rules in force find about it.

    Compared with approved figures, or with another line of the same submission where it speaks about that slot.
    """
    found = submission.entries.select_related("indicator", "district").annotate(size=Count("rank_pool__members"))
    sizes = {entry.pk: entry.size for entry in found}
    entries: list[Entry] = list(found)
    if not entries:
        return {}
    rules = _rules()
    operands = {code for rule in rules for code in rule.operands}
    versions = _versions(entries)
    known = _approved(entries, operands) | {
        _address(entry): _Known.of_entry(entry, versions) for entry in entries if not entry.is_blank
    }
    checked = {}
    for entry in entries:
        facts = _facts(entry, known, operands, sizes[entry.pk], _version(entry, versions))
        before = _around(entry).before
        previous = known.get((entry.district_id, entry.indicator.code, before)) if before else None
        checked[entry.pk] = Checked(entry, check(facts, rules), previous.note if previous else "")
    return checked


def submission_problem(submission: Submission) -> str:
    """Why the findings keep a submission from the reviewers, every one named; empty when none does.

    Mandatory findings always do; quasi-mandatory and verification findings until the line's note explains them. The
    lines of an import have no form to explain them on: the reviewer sees those findings.
    """
    checked = findings(submission).values()
    if wrong := [_named(one.entry, finding.message) for one in checked for finding in one.mandatory]:
        return "有强制性问题，改正后才能提交：\n" + "；\n".join(wrong) + "。"
    if submission.import_job_id:
        return ""
    unexplained = [
        _named(one.entry, f"{finding.message}——{problem}")
        for one in checked
        if (problem := one.explanation_problem)
        for finding in one.to_explain
    ]
    if unexplained:
        return "请在“说明”里写明原因后再提交：\n" + "；\n".join(unexplained) + "。"
    return ""


def finding_counts(checked: Iterable[Checked]) -> list[tuple[str, int]]:
    """(severity, how many) of all findings, gravest first; severities without any are left out."""
    found = [finding.severity for one in checked for finding in one.findings]
    return [(severity.value, found.count(severity)) for severity in Severity if severity in found]


def _named(entry: Entry, problem: str) -> str:
    return f"{entry.indicator}{label(entry.period)}：{problem}"


def _rules() -> list[Rule]:
    """The active rules; one that was broken behind the form's back is left out, loudly."""
    rules = []
    for stored in CheckRule.objects.active():
        try:
            rules.append(stored.as_rule())
        except (RuleError, ExpressionError) as error:
            log.error("核查规则 %s 不能使用：%s", stored, error)
    return rules


# The figures around an entry


@dataclass(frozen=True, slots=True)
class _Known:
    """A figure of another slot or indicator, approved or drafted in the same submission."""

    name: str
    value: Decimal | None
    comparator: str
    unit: str
    growth: Decimal | None
    ranks: Mapping[tuple[int | None, str], int]
    note: str
    version: int | None

    @classmethod
    def of_entry(cls, entry: Entry, versions: dict[int, list[IndicatorVersion]]) -> _Known:
        ranks = {(entry.rank_pool_id, entry.rank_by): entry.rank_place} if entry.rank_place else {}
        said = (entry.value, entry.comparator, entry.unit, entry.growth)
        return cls(entry.indicator.name, *said, ranks, entry.note, _version(entry, versions))

    @classmethod
    def of_vintage(cls, vintage: Vintage) -> _Known:
        ranks = {(rank["pool_id"], rank["by"]): rank["place"] for rank in getattr(vintage, "rank_rows")}  # noqa: B009
        said = (vintage.value, vintage.comparator, vintage.unit or vintage.version.unit, vintage.growth)
        return cls(vintage.observation.indicator.name, *said, ranks, vintage.note, vintage.version_id)

    def exact_in(self, unit: str) -> Decimal | None:
        """The value in that unit, if it is an exact one that can be."""
        if self.value is None or self.comparator != Comparator.EQUAL or self.unit == unit:
            return self.value if self.comparator == Comparator.EQUAL else None
        try:
            return convert(self.value, self.unit, unit)
        except NumberError:
            return None


def _address(entry: Entry) -> Address:
    return entry.district_id, entry.indicator.code, entry.period


@dataclass(frozen=True, slots=True)
class _Around:
    """The slots that a figure is compared with; none outside the calendar."""

    before: Period | None = None  # in the year before if need be
    earlier: tuple[Period, ...] = ()  # the same slot of earlier years, latest first


def _around(entry: Entry) -> _Around:
    return _slots_around(entry.indicator.slots, entry.period)


@lru_cache(maxsize=4096)
def _slots_around(slots: periods.Calendar, period: Period) -> _Around:
    if not slots or not periods.has_slot(slots, period):
        return _Around()
    earlier = [period]
    while len(earlier) <= HISTORY_YEARS and earlier[-1].year_no > periods.FIRST_YEAR:
        earlier.append(periods.same_slot_last_year(earlier[-1]))
    return _Around(periods.previous_period(slots, period), tuple(earlier[1:]))


def _approved(entries: list[Entry], operands: set[str]) -> dict[Address, _Known]:
    """Approved figures of the entries' neighbouring slots and of related indicators; one query."""
    ends = {
        period.end
        for entry in entries
        for period in (entry.period, _around(entry).before, *_around(entry).earlier)
        if period is not None
    }
    vintages = Vintage.objects.filter(
        Q(observation__indicator__in={entry.indicator_id for entry in entries})
        | Q(observation__indicator__code__in=operands),
        pk=F("observation__current"),
        observation__district__in={entry.district_id for entry in entries},
        observation__period_end__in=ends,
    ).exclude(status=VintageStatus.WITHDRAWN)
    return {
        (vintage.observation.district_id, vintage.observation.indicator.code, vintage.observation.period): (
            _Known.of_vintage(vintage)
        )
        for vintage in with_details(vintages)
    }


def _versions(entries: list[Entry]) -> dict[int, list[IndicatorVersion]]:
    found: dict[int, list[IndicatorVersion]] = {}
    for version in IndicatorVersion.objects.filter(indicator__in={entry.indicator_id for entry in entries}):
        found.setdefault(version.indicator_id, []).append(version)
    return found


def _version(entry: Entry, versions: dict[int, list[IndicatorVersion]]) -> int | None:
    """The definition in force for the entry; figures under another one are not compared with it."""
    end = entry.period_end
    return next((v.pk for v in versions.get(entry.indicator_id, []) if v.is_in_force(end)), None)


def _facts(
    entry: Entry, known: Mapping[Address, _Known], operands: set[str], pool_size: int, version: int | None
) -> CellFacts:
    indicator, period, around = entry.indicator, entry.period, _around(entry)

    def at(slot: Period | None) -> _Known | None:
        """The same indicator at another slot, in the same scope."""
        found = known.get((entry.district_id, indicator.code, slot)) if slot else None
        return found if found is not None and found.version == version else None

    last = at(around.before)
    # A cumulative begins anew each year: last December is no slot before it.
    is_new_year = (
        period.kind is periods.PeriodKind.YTD and around.before is not None and around.before.year_no < period.year_no
    )
    earlier = {slot.year_no: found.exact_in(entry.unit) for slot in around.earlier if (found := at(slot))}
    beside = {code: found for code in operands if (found := known.get((entry.district_id, code, period)))}
    return CellFacts(
        code=indicator.code,
        name=indicator.name,
        nature=indicator.nature,
        slots=indicator.slots,
        period=period,
        value=entry.value,
        comparator=entry.comparator,
        unit=entry.unit,
        growth=entry.growth,
        rank_place=entry.rank_place,
        pool_size=pool_size or None,
        text=entry.text,
        previous=last.exact_in(entry.unit) if last and not is_new_year else None,
        last_month=Said(
            value=last.exact_in(entry.unit),
            growth=last.growth,
            rank_place=last.ranks.get((entry.rank_pool_id, entry.rank_by)),
        )
        if last
        else None,
        earlier={year: value for year, value in earlier.items() if value is not None},
        related={
            code: Related(name=found.name, value=found.value, unit=found.unit)
            for code, found in beside.items()
            if found.value is not None and found.comparator == Comparator.EQUAL
        },
    )
