"""Which columns hold figures, of what, and which of them speak of one figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from indicators.imports.records import Field, Slot
from indicators.imports.understanding.asking import (
    ignore,
    is_near,
    named_options,
    quoted,
)
from indicators.imports.understanding.columns import FIGURES, LABELS, USES, Column
from indicators.imports.understanding.when import NOTHING, When
from indicators.imports.understanding.wording import SILENT, about_in, key_of, plan_in
from lvyuan.imports.asking import IGNORE, listed

if TYPE_CHECKING:
    from indicators.imports.understanding.reading import Reading

MANY_COLUMNS: Final = 6  # unknown ones that are asked about one by one


def find_figures(reading: Reading) -> None:
    """What each remaining column of numbers measures."""
    rows_name = reading.label("indicator") is not None
    for column in reading.columns:
        if column.use or column.is_told:
            continue
        said = column.said
        if said.measure == "ignored":
            column.reason = gettext(said.reason)
            continue
        if not column.numbers and (said.measure not in FIGURES or (column.cells and column.unknown)):
            column.reason = "" if column.cells else column.reason or gettext("整列是空的")
            if column.cells or not (said.indicators or said.when):
                continue
        if said.measure == "unsure":
            said = replace(said, measure="growth") if said.units == ("%",) or column.is_rates else said
        if said.units and set(said.units) == {"个百分点"}:
            column.reason = gettext("是百分点，不是增速")
            continue
        if column.unknown:
            ask_column_name(reading, column, rows_name)
            continue
        if not said.measure and said.units == ("%",) and not rows_name:
            own = reading.names.meant[said.indicator].unit if said.indicator else ""
            if own != "%":
                said = replace(said, measure="unsure")
        if said.measure in ("unsure", ""):
            is_plain = said.indicators or said.district or said.when or said.units or said == SILENT
            if said.measure or not is_plain:
                ask_column(reading, column, gettext("%(letter)s列“%(name)s”是什么数？"))
                continue
        column.is_assumed = not said.measure
        column.said = replace(said, measure=said.measure or "value")
        column.use = column.said.measure
        settle(reading, column)


def ask_levels(reading: Reading) -> None:
    """Beside growth or ranks alone, columns of numbers whose heads nobody knows may be the levels: 快报数."""
    if any(column.use in ("value", "last_year") for column in reading.columns) or not reading.figures:
        return
    unknown = [c for c in reading.columns if c.unknown and c.is_numeric and not (c.use or c.reason or c.is_told)]
    for column in unknown if reading.label("indicator") and len(unknown) <= MANY_COLUMNS else ():
        ask_column(reading, column, gettext("%(letter)s列“%(name)s”是什么？"))


def ask_plan(reading: Reading) -> bool:
    """Whether the figures are results, under a title that speaks of plans only; asked before anything else."""
    word = next((word for text in reading.above if (word := plan_in(text))), "")
    if not word:
        return True
    text = gettext("表上方写有“%(word)s”，表里的数是实际完成数，还是计划、目标？计划和目标请按“目标”另行导入") % {
        "word": word
    }
    options = [("actual", gettext("实际完成数")), ignore()]
    return reading.ask("plan", "", text, options) == "actual"


def ask_measure(reading: Reading) -> None:
    """Columns that do not say what they measure, under a title about growth, ranks or shares, need not be levels."""
    word = next((word for text in reading.above if (word := about_in(text))), "")
    assumed = [column for column in reading.figures if column.is_assumed]
    said = {column.said.measure for column in reading.columns if column.use in FIGURES and not column.is_assumed}
    if not assumed or (not word and reading.units != ("%",)) or said & {"growth", "rank"}:
        return
    label = reading.label("indicator")
    if label and any(reading.wording.read(cell).measure in ("growth", "rank") for cell in label.cells):
        return
    options = [
        ("value", gettext("数值（总量）")),
        ("growth", str(USES["growth"])),
        ("rank:level", gettext("位次（按总量）")),
        ("rank:growth", gettext("位次（按增速）")),
        ignore(),
    ]
    text = gettext("表上方写有“%(word)s”，表里的数是什么？") % {"word": word or "%"}
    told = reading.ask("measure", "", text, options)
    reading.are_levels = bool(told)
    measure, _colon, by = told.partition(":")
    for column in assumed if told else ():
        column.use = "" if told == IGNORE else measure
        column.reason = gettext("已选择不导入") if told == IGNORE else ""
        column.said = replace(column.said, measure=measure, by=by)


_WIDER = ("全国", "全省", "全市")


def settle(reading: Reading, column: Column) -> None:
    """Names shared by several indicators, and what a rank goes by."""
    said = column.said
    if len(said.indicators) > 1:
        column.said = replace(said, indicators=ask_shared(reading, column.head.name, said.indicators, column))
        if not column.said.indicators:
            column.use = ""
    if column.use == "rank" and said.pool in _WIDER and not column.is_told:
        column.use, column.reason = "", gettext("不是五城区内的位次")
        return
    is_settled = bool(said.by or reading.label("rank_by")) and said.pool in ("", "城区", "五城区")
    if column.use == "rank" and not is_settled and not column.is_told:
        options = [
            ("rank:level", gettext("五城区内按总量的位次")),
            ("rank:growth", gettext("五城区内按增速的位次")),
            ("rank:unstated", gettext("五城区内的位次，没有说明按什么")),
            ignore(),
        ]
        text = gettext("%(letter)s列“%(name)s”是什么位次？") % {"letter": column.letter, "name": column.head.name}
        before = reading.columns[column.place - 1].use if column.place else ""
        suggested = {"value": "rank:level", "growth": "rank:growth"}.get(before, "")
        reading.ask("column", column.letter, text, options, place=reading.where(column), suggested=suggested)
        column.use = ""


def ask_shared(reading: Reading, text: str, codes: Iterable[str], column: Column | None = None) -> tuple[str, ...]:
    options = [(code, f"{reading.names.titles[code]}（{code}）") for code in codes] + [ignore()]
    question = gettext("%(text)s是几项指标共用的名称，指的是哪一项？") % {"text": quoted(text)}
    told = reading.ask("indicator", key_of(text), question, options, place=reading.where(column))
    return (told,) if told in reading.names.titles else ()


def ask_column_name(reading: Reading, column: Column, rows_name: bool) -> None:
    """A head in which something is not known: asked when it may be an indicator, else shown as ignored."""
    said, name = column.said, column.unknown
    if not column.numbers:
        return
    if rows_name or said.indicators:
        if said.when or said.measure or said.indicators:
            ask_column(
                reading, column, gettext("%(letter)s列“%(name)s”里的“%(part)s”不认得，这一列是什么？"), part=name
            )
        return
    is_asked = is_near(name, reading.names.by_name) or reading.told("table") == "map"
    if not is_asked and f"indicator:{reading.number}:{key_of(name)}" not in reading.asking.answers:
        return
    text = gettext("没有叫%(name)s的指标，它是哪一项？") % {"name": quoted(name)}
    options = named_options(name, reading.names.by_name, reading.names.titles)
    told = reading.ask("indicator", key_of(name), text, options, place=reading.where(column))
    if told in reading.names.titles:
        column.unknown = ""
        column.said = replace(said, indicators=(told,), measure=said.measure or "value")
        column.use = column.said.measure
    elif told == IGNORE:
        column.reason = gettext("已选择不导入")


def ask_column(reading: Reading, column: Column, text: str, **more: str) -> None:
    """Leaves the column out until the sender says what it is."""
    column.use = ""
    text = text % {"letter": column.letter, "name": column.head.name, **more}
    reading.ask("column", column.letter, text, reading.choices(column), place=reading.where(column))


def find_indicators(reading: Reading) -> None:
    """Columns that leave the indicator, the period or the district to the column before them."""
    figures = reading.figures
    across = any(column.said.indicators for column in figures)
    dated = any(column.said.when for column in figures)
    placed = any(column.said.district for column in figures)
    levels = list(dict.fromkeys(column.said.when for column in figures if column.use == "value"))
    anchors: list[Column] = []
    is_after_levels = False
    before: When | None = None  # of the 上年同期 right before: a growth is that one's
    for column in reading.columns:
        said = column.said
        if column.use not in FIGURES:
            if column.numbers and column.unknown:  # what follows it may be its own
                anchors, is_after_levels = [], False
            continue
        if column.use == "last_year":
            before = said.when
        if column.use == "value":
            before = None
            if is_after_levels:
                anchors, is_after_levels = [], False
            if across and not said.indicators and anchors and not reading.label("indicator"):
                said = replace(said, indicators=anchors[-1].said.indicators)
            column.said = said
            anchors.append(column)
            continue
        is_after_levels = True
        if not anchors:
            if across and not said.indicators and not reading.label("indicator"):
                ask_column(reading, column, gettext("%(letter)s列“%(name)s”是哪一项指标的？"))
            elif dated and not (said.when.year or said.when.label) and len(levels) == 1:
                column.said = replace(said, when=said.when.under(levels[0]))
            continue
        last = anchors[-1].said
        if across and not said.indicators:
            said = replace(said, indicators=last.indicators)
        if placed and not said.district:
            said = replace(said, district=last.district)
        if dated and not (said.when.year or said.when.label):
            scope, codes = said.when.scope, said.indicators
            there = [a.said for a in anchors if not codes or a.said.indicators == codes]
            same = [one.when for one in there if not scope or one.when.scope == scope]
            if before and before.scope and not scope:
                same = [when for when in same if when.scope == before.scope] or same
            said = replace(said, when=said.when.under(when_of_growth(reading, column, same)))
        column.said = said
    if across or reading.label("indicator"):
        return
    if len(reading.titled) == 1:
        reading.shape.context.indicator = reading.titled[0]
        return
    text = gettext("这张表（%(heads)s）是哪一项指标的数据？") % {"heads": reading.heads()}
    options = named_options(" ".join(reading.above), reading.names.by_name, reading.names.titles)
    if reading.titled:
        first = [(code, reading.names.titles[code]) for code in reading.titled]
        options = first + [option for option in options if option not in first]
    told = reading.ask("indicator", "", text, options)
    reading.shape.context.indicator = told if told != IGNORE else ""


def when_of_growth(reading: Reading, column: Column, whens: list[When]) -> When:
    """The period of a growth that follows levels of several: the latest of the same slot, else asked."""
    unique = list(dict.fromkeys(when for when in whens if when))
    if len(unique) < 2:
        return unique[0] if unique else NOTHING
    if len({(when.label, when.scope) for when in unique}) == 1 and all(when.year for when in unique):
        return max(unique, key=lambda when: when.year or 0)
    options = [(str(when), str(when)) for when in unique] + [ignore()]
    text = gettext("%(letter)s列“%(name)s”是哪一期的？") % {"letter": column.letter, "name": column.head.name}
    told = reading.ask("period", column.letter, text, options, place=reading.where(column))
    if told == IGNORE:
        column.use, column.reason = "", gettext("已选择不导入")
    return next((when for when in unique if str(when) == told), unique[0])


def group(reading: Reading) -> None:
    """Columns of one indicator, district and period stand together."""
    shape, slots = reading.shape, reading.shape.slots
    labels = {c.use: c.letter for c in reading.columns if c.use in LABELS}
    shape.takes_last_year = reading.told("last_year") == "import"
    for column in reading.figures:
        if column.use == "last_year" and not shape.takes_last_year:
            continue
        said, name = column.said, column.use
        when = said.when
        if name == "last_year":
            when, name = replace(when, back=1), "value"
        key = said.indicator, said.district, when
        slot = next((s for s in slots if (s.indicator, s.district, s.when) == key), None)
        if slot is None:
            slot = Slot(*key, columns=dict(labels))
            slots.append(slot)
        if any(part.name == name for part in slot.fields):
            text = gettext("%(first)s列和%(letter)s列“%(name)s”是同一项内容，%(letter)s列怎样处理？")
            ask_column(reading, column, text, first=slot.columns[name])
            continue
        levels = [unit for unit in said.units if unit != "%"] or list(said.units)
        if name == "value" and len(levels) == 1:
            slot.unit = levels[0]
        if name == "rank":
            slot.by = "" if said.by == "unstated" and reading.label("rank_by") else said.by or slot.by
        is_fraction = reading.told("percent", column.letter) == "fraction"
        slot.fields.append(Field(name, column.place, is_fraction))
        slot.columns[name] = column.letter
        for use, is_said in (
            ("indicator", said.indicator),
            ("district", said.district),
            ("period", when),
            ("unit", said.units and name == "value"),
        ):
            if is_said:
                slot.columns.setdefault(use, column.letter)
    if not slots and reading.label("text"):
        slots.append(Slot(columns=dict(labels)))
    shape.is_long = (
        len(slots) == 1 and not slots[0].indicator and "indicator" in shape.labels and bool(shape.period_places)
    )


def ask_last_year(reading: Reading) -> None:
    there = [column for column in reading.figures if column.use == "last_year"]
    label = reading.label("indicator")
    rows = label and any(reading.wording.read(cell).measure == "last_year" for cell in label.cells)
    if not there and not rows:
        return
    what = listed([gettext("%(letter)s列“%(name)s”") % {"letter": c.letter, "name": c.head.name} for c in there])
    text = gettext("%(what)s是上年同期的数，是否也导入为上年同期的数据？") % {"what": what or gettext("有的行")}
    options = [ignore(), ("import", gettext("导入为上年同期的数据"))]
    if reading.ask("last_year", "", text, options, suggested=IGNORE) == IGNORE:
        for column in there:
            column.use, column.reason = "", gettext("是上年同期的数，已选择不导入")
