"""What the checks find in submissions, figure by figure; at most six queries whatever their number and length."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext

from indicators.checks import (
    NEEDS_EXPLANATION,
    CellFacts,
    Finding,
    Related,
    Rule,
    RuleError,
    Said,
    Severity,
    check,
    differences,
    in_unit,
)
from indicators.explanations import explanation_problem
from indicators.expressions import ExpressionError
from indicators.models import (
    CheckExemption,
    CheckRule,
    Comparator,
    Entry,
    IndicatorVersion,
    Rank,
    RankPoolMember,
    Submission,
    Vintage,
)
from lvyuan import periods
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.words import period_label

HISTORY_YEARS = 10  # earlier years that an outlier is measured against
log = logging.getLogger(__name__)

Address: TypeAlias = tuple[int, str, Period]  # district, indicator's code, period


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings about one entry, gravest first, and what its note and last slot's note say."""

    entry: Entry
    findings: list[Finding]
    previous_note: str = ""
    exempt: frozenset[str] = frozenset()  # codes of quasi-mandatory rules that the approved list lifts here

    @property
    def mandatory(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.MANDATORY]

    @property
    def unlisted(self) -> list[Finding]:
        """Quasi-mandatory findings that the approved list does not cover."""
        quasi = (finding for finding in self.findings if finding.severity is Severity.QUASI)
        return [finding for finding in quasi if finding.rule_code not in self.exempt]

    @property
    def to_explain(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity in NEEDS_EXPLANATION]

    @property
    def explanation_problem(self) -> str:
        """Why the note does not explain the findings; empty when it does or none needs it."""
        return explanation_problem(self.entry.note, self.previous_note) if self.to_explain else ""


def findings(submission: Submission) -> dict[int, Checked]:
    """Every entry of the submission, under its id, with what the rules in force find about it."""
    return findings_of([submission])[submission.pk]


def findings_of(submissions: Iterable[Submission]) -> dict[int, dict[int, Checked]]:
    """By submission id and entry id, every entry with its indicator and what the rules in force find about it.

    Compared with approved figures, or with another line of the same submission where it speaks about that slot.
    """
    departments = {submission.pk: submission.department_id for submission in submissions}
    return _findings(list(entries_with_sizes(departments)), departments)


def findings_beside(entries: list[Entry], beside: Sequence[Entry], department: int | None) -> dict[int, Checked]:
    """What the rules find about entries that are not stored, by their id; `beside` are other drafts of their form.

    All of them have their indicator, and `pool_size` where they have a rank; `beside` are compared with, not checked.
    """
    submission = entries[0].submission_id if entries else 0
    return _findings(entries, {submission: department}, beside)[submission]


def _findings(
    entries: list[Entry], departments: Mapping[int, int | None], beside: Sequence[Entry] = ()
) -> dict[int, dict[int, Checked]]:
    rules = _rules({entry.indicator.code for entry in entries})
    scene = _scene(entries, rules, beside)
    found = {}
    for entry in entries:
        speaking = rules[entry.indicator.code]
        found[entry.pk] = check(_facts(entry, scene, speaking), speaking)
    exemptions = _exemptions(found.values())
    checked: dict[int, dict[int, Checked]] = {pk: {} for pk in departments}
    for entry in entries:
        before = scene.before(entry)
        exempt = _exempt(entry, departments[entry.submission_id], exemptions)
        checked[entry.submission_id][entry.pk] = Checked(entry, found[entry.pk], before.note if before else "", exempt)
    return checked


def submission_problem(submission: Submission) -> str:
    """Why what was typed keeps a form from the reviewers, every reason named; empty when nothing does.

    What could not be understood and mandatory findings always do; quasi-mandatory ones until the approved list covers
    them; these and verification findings until the line's note explains them.
    """
    checked = findings(submission).values()
    asked = {
        gettext("有看不懂的内容，改正后才能提交"): [
            _named(one.entry, text) for one in checked for text in _unread(one.entry)
        ],
        gettext("有强制性问题，改正后才能提交"): [
            _named(one.entry, finding.message) for one in checked for finding in one.mandatory
        ],
        gettext("有准强制性问题，请改正；数据属实的，这项须先由审核员列入例外名单，并在“说明”里写明原因"): [
            _named(one.entry, finding.message) for one in checked for finding in one.unlisted
        ],
        gettext("请在“说明”里写明原因后再提交"): [
            _named(one.entry, f"{finding.message}——{problem}")
            for one in checked
            if (problem := one.explanation_problem)
            for finding in one.to_explain
            if finding not in one.unlisted
        ],
    }
    return "\n".join(
        gettext("：\n").join((what, gettext("；\n").join(lines))) + (gettext("。"))
        for what, lines in asked.items()
        if lines
    )


def finding_counts(checked: Iterable[Checked]) -> list[tuple[str, int]]:
    """(severity, how many) of all findings, gravest first; severities without any are left out."""
    found = [finding.severity for one in checked for finding in one.findings]
    return [(severity.value, found.count(severity)) for severity in Severity if severity in found]


def open_findings(checked: Iterable[Checked]) -> int:
    """How many findings a reviewer must read before approving: all but hints, explained or not."""
    return sum(len([*one.mandatory, *one.to_explain]) for one in checked)


def _named(entry: Entry, problem: str) -> str:
    return gettext("%(indicator)s%(period)s：%(problem)s") % {
        "indicator": entry.indicator,
        "period": period_label(entry.period),
        "problem": problem,
    }


def _unread(entry: Entry) -> list[str]:
    """Field by field, what was typed and is no figure."""
    names = {field.name: field.verbose_name for field in Entry._meta.fields}
    return [
        (gettext("%(names)s“%(text)s”看不懂") % {"names": names[name], "text": text})
        for name, text in entry.unread.items()
    ]


# What is fetched


def entries_with_sizes(submissions: Collection[int]) -> QuerySet[Entry]:
    """The submissions' entries, each with its indicator and its rank pool's size, as the checks need them."""
    members = RankPoolMember.objects.filter(pool=OuterRef("rank_pool")).order_by().values("pool")
    return (
        Entry.objects.filter(submission__in=submissions)
        .select_related("indicator")
        .annotate(pool_size=Subquery(members.annotate(size=Count("pk")).values("size")))
    )


def _rules(codes: Collection[str]) -> dict[str, list[Rule]]:
    """By indicator's code, the active rules that speak of it."""
    rules = rules_in_force()
    return {code: [rule for rule in rules if rule.speaks_of(code)] for code in codes}


def rules_in_force() -> list[Rule]:
    """The active rules; one broken behind the form's back is left out, loudly."""
    rules = []
    for stored in CheckRule.objects.active():
        try:
            rules.append(stored.as_rule())
        except (RuleError, ExpressionError) as error:
            log.error("核查规则 %s 不能使用：%s", stored, error)
    return rules


def _exemptions(found: Iterable[list[Finding]]) -> list[CheckExemption]:
    """What the approved list says of the quasi-mandatory rules that found something."""
    quasi = {one.rule_code for findings in found for one in findings if one.severity is Severity.QUASI}
    return list(CheckExemption.objects.filter(rule_code__in=quasi))


def _exempt(entry: Entry, department: int | None, exemptions: Iterable[CheckExemption]) -> frozenset[str]:
    """The rules that the entry may break: listed for it, or for all indicators or departments, at its period's end."""
    return frozenset(
        one.rule_code
        for one in exemptions
        if one.is_in_force(entry.period_end)
        and one.indicator_id in (None, entry.indicator_id)
        and one.department_id in (None, department)
    )


# The figures around an entry


class _Known(NamedTuple):
    """A figure of another slot or indicator, approved or drafted in the same submission."""

    name: str
    value: Decimal | None
    comparator: str
    unit: str
    growth: Decimal | None
    note: str
    definition: int | None
    defined_unit: str
    vintage: int | None
    ranks: Mapping[tuple[int | None, str], int] = MappingProxyType({})

    def exact_in(self, unit: str) -> Decimal | None:
        """The value in that unit, if it is an exact one that can be."""
        if self.value is None or self.comparator != Comparator.EQUAL:
            return None
        return in_unit(self.value, self.unit, unit)


@dataclass(frozen=True, slots=True)
class _Around:
    """A period and those that it is compared with; none outside the calendar."""

    period: Period
    before: Period | None = None  # in the year before if need be
    earlier: tuple[Period, ...] = ()  # the same slot of earlier years, latest first
    parts: tuple[Period, ...] = ()  # the other periods of its `differences`

    @property
    def ends(self) -> set[dt.date]:
        return {period.end for period in (self.period, self.before, *self.earlier, *self.parts) if period}


@lru_cache(maxsize=4096)
def slots_around(slots: periods.Calendar, period: Period) -> _Around:
    """The period with all that the checks compare it with."""
    if not slots or not periods.has_slot(slots, period):
        return _Around(period)
    earlier = [period]
    while len(earlier) <= HISTORY_YEARS and earlier[-1].year_no > periods.FIRST_YEAR:
        earlier.append(periods.same_slot_last_year(earlier[-1]))
    parts = {part for one in differences(slots, period) for part in (one.single, one.cumulative, one.before)}
    before = periods.previous_period(slots, period)
    return _Around(period, before, tuple(earlier[1:]), tuple(part for part in parts if part and part != period))


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that the entries are compared with, once fetched."""

    around: Mapping[int, _Around]  # by entry id
    definitions: Mapping[int, IndicatorVersion | None]  # by entry id; figures under another one are not compared
    approved: Mapping[Address, _Known]
    drafted: Mapping[int, Mapping[Address, _Known]]  # by submission id

    def figure(self, entry: Entry, code: str, period: Period) -> _Known | None:
        """That indicator's figure beside the entry: its submission's draft, else the approved one."""
        address = (entry.district_id, code, period)
        return self.drafted[entry.submission_id].get(address) or self.approved.get(address)

    def before(self, entry: Entry) -> _Known | None:
        """The slot before, under whatever definition."""
        before = self.around[entry.pk].before
        return self.figure(entry, entry.indicator.code, before) if before else None


def _scene(entries: list[Entry], rules: Mapping[str, list[Rule]], beside: Sequence[Entry]) -> _Scene:
    """Three queries: definitions, approved figures, ranks of the slots before."""
    versions: dict[int, list[IndicatorVersion]] = {}
    drafts = [*entries, *beside]
    for version in IndicatorVersion.objects.filter(indicator__in={entry.indicator_id for entry in drafts}):
        versions.setdefault(version.indicator_id, []).append(version)
    around = {entry.pk: slots_around(entry.indicator.slots, entry.period) for entry in entries}
    definitions = {
        entry.pk: next((v for v in versions.get(entry.indicator_id, ()) if v.is_in_force(entry.period_end)), None)
        for entry in drafts
    }
    drafted: dict[int, dict[Address, _Known]] = {entry.submission_id: {} for entry in drafts}
    for entry in drafts:
        if not entry.is_blank:
            address = (entry.district_id, entry.indicator.code, entry.period)
            drafted[entry.submission_id][address] = _drafted(entry, definitions[entry.pk])
    codes = {*rules, *(code for found in rules.values() for rule in found for code in rule.operands)}
    ends = {end for one in set(around.values()) for end in one.ends}
    approved = _approved({entry.district_id for entry in entries}, codes, ends)
    _add_ranks(approved, entries, around)
    return _Scene(around, definitions, approved, drafted)


def _drafted(entry: Entry, definition: IndicatorVersion | None) -> _Known:
    return _Known(
        entry.indicator.name,
        entry.value,
        entry.comparator,
        entry.unit,
        entry.growth,
        entry.note,
        definition.pk if definition else None,
        definition.unit if definition else "",
        None,
        {(entry.rank_pool_id, entry.rank_by): entry.rank_place} if entry.rank_place else {},
    )


@lru_cache(maxsize=4096)
def _period(kind: str, end: dt.date, start: dt.date | None) -> Period:
    return Period(PeriodKind(kind), end, start)


def _approved(districts: set[int], codes: set[str], ends: set[dt.date]) -> dict[Address, _Known]:
    """Figures in force of these indicators and period ends, as plain rows: there are many to an entry."""
    address = ("district", "indicator__code", "period_kind", "period_end", "period_start")
    known = ("value", "comparator", "unit", "growth", "note", "version", "version__unit", "pk")
    rows = (
        Vintage.objects.filter(
            observation__district__in=districts,
            observation__indicator__code__in=codes,
            observation__period_end__in=ends,
        )
        .in_force()
        .order_by()
        .values_list(*(f"observation__{name}" for name in address), "observation__indicator__name", *known)
    )
    return {
        (district, code, _period(kind, end, start)): _Known(*said) for district, code, kind, end, start, *said in rows
    }


def _add_ranks(approved: dict[Address, _Known], entries: list[Entry], around: Mapping[int, _Around]) -> None:
    """Gives the slots before ranked entries their ranks."""
    befores = {
        vintage: address
        for entry in entries
        if entry.rank_place and (before := around[entry.pk].before)
        if (address := (entry.district_id, entry.indicator.code, before)) in approved
        and (vintage := approved[address].vintage)
    }
    places: dict[int, dict[tuple[int | None, str], int]] = {}
    for vintage, pool, by, place in Rank.objects.filter(vintage__in=befores).values_list(
        "vintage", "pool", "by", "place"
    ):
        places.setdefault(vintage, {})[pool, by] = place
    for vintage, ranks in places.items():
        approved[befores[vintage]] = approved[befores[vintage]]._replace(ranks=ranks)


def _facts(entry: Entry, scene: _Scene, rules: Iterable[Rule]) -> CellFacts:
    indicator, around, definition = entry.indicator, scene.around[entry.pk], scene.definitions[entry.pk]
    period = around.period

    def at(slot: Period) -> _Known | None:
        """The same indicator at another slot, in the same scope."""
        found = scene.figure(entry, indicator.code, slot)
        return found if found is not None and found.definition == (definition.pk if definition else None) else None

    def exact(slots: Iterable[Period]) -> dict[Period, Decimal]:
        found = {slot: known.exact_in(entry.unit) for slot in slots if (known := at(slot))}
        return {slot: value for slot, value in found.items() if value is not None}

    last = at(around.before) if around.before else None
    # A cumulative begins anew each year: last December is no slot before it.
    is_new_year = period.kind is PeriodKind.YTD and around.before is not None and around.before.year_no < period.year_no
    beside = {
        code: known
        for rule in rules
        for code in rule.operands
        if (known := scene.figure(entry, code, period)) is not None
    }
    related = {
        code: Related(name=known.name, value=value, unit=unit)
        for code, known in beside.items()
        if (value := known.exact_in(unit := known.defined_unit or known.unit)) is not None
    }
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
        pool_size=getattr(entry, "pool_size"),  # noqa: B009 - annotated
        text=entry.text,
        note=entry.note,
        previous=last.exact_in(entry.unit) if last and not is_new_year else None,
        last_month=Said(
            value=last.exact_in(entry.unit),
            growth=last.growth,
            rank_place=last.ranks.get((entry.rank_pool_id, entry.rank_by)),
            note=last.note,
        )
        if last
        else None,
        earlier={slot.year_no: value for slot, value in exact(around.earlier).items()},
        parts=exact(around.parts),
        related=related,
    )
