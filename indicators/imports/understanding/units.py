"""Units, shares written as fractions, and slips of magnitude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext

from indicators.imports.records import AS_IS
from indicators.imports.understanding.asking import (
    as_is,
)
from indicators.imports.understanding.columns import (
    Column,
    figure_in,
)
from lvyuan.imports.asking import listed
from lvyuan.imports.table import fixed
from lvyuan.numbers import UNITS, convert, plain

SLIP: Final = 50  # times larger or smaller than what is approved: 万 for 亿 is 10 000

if TYPE_CHECKING:
    from indicators.imports.understanding.reading import Reading


def gather(reading: Reading) -> None:
    """The first rows as records, to look at units and digits; the levels by indicator."""
    by_letter = {column.letter: column for column in reading.columns}
    shape, plain_shape = reading.shape, replace(reading.shape, units={}, corrected={}, fractions=frozenset())
    plain_shape.slots = [replace(s, fields=[replace(f, is_fraction=False) for f in s.fields]) for s in shape.slots]
    for record in plain_shape.records(reading.rows):
        code, letter = record["indicator"], record.columns.get("value", "")
        if text := record["growth"]:
            at = record.columns.get("growth", "")
            reading.growths[at if by_letter[at].use == "growth" else "rows"].append(text)
        if not record["value"] or code not in reading.names.meant:
            continue
        figure = figure_in(record["value"])
        if figure is None or figure.value is None:
            continue
        unit = figure.unit or record["unit"]
        if not unit:
            reading.unitless[code].add(letter)
        if reading.names.meant[code].unit == "%" and unit in ("", "%") and not figure.unit:
            reading.shares[code].append(record["value"])
        if record["district"] in ("", settings.HOME_DISTRICT):
            reading.levels[code].append((figure.value, unit, by_letter[letter]))


def ask_units(reading: Reading) -> None:
    """A unit for each indicator whose figures state none: the title's, else the sender's answer."""
    asked: dict[str, set[str]] = {}
    for code, letters in reading.unitless.items():
        own = reading.names.meant[code].unit
        fitting = [unit for unit in reading.units if unit in UNITS and own in UNITS and _same(unit, own)]
        if not own:
            fitting = [unit for unit in reading.units if unit != "%"]
        if len(fitting) == 1:
            reading.shape.units[code] = fitting[0]
        elif reading.shape.is_long and not fitting and not reading.units:
            continue  # the definition's own unit, or a fault that says so
        elif not own or len(_units_like(own)) > 1:
            asked[code] = letters
    across = all(slot.indicator for slot in reading.shape.slots)
    for code, letters in asked.items() if across else ():
        own, letter = reading.names.meant[code].unit, min(letters)
        options = [(unit, unit) for unit in (_units_like(own) if own else list(UNITS))]
        text = gettext("%(letter)s列“%(name)s”的单位是什么？") % {"letter": letter, "name": reading.names.titles[code]}
        if told := reading.ask("unit", letter, text, options, suggested=own):
            reading.shape.units[code] = told
    if asked and not across:
        ask_unit_of_table(reading, list(asked))


def ask_unit_of_table(reading: Reading, codes: list[str]) -> None:
    owns = {code: reading.names.meant[code].unit for code in codes}
    if any(owns.values()):
        names = listed([f"{reading.names.titles[code]}（{own}）" for code, own in owns.items() if own])
        units = list(dict.fromkeys(unit for own in owns.values() if own for unit in _units_like(own)))
        text = gettext("表里没有写单位，这些数的单位是什么？系统里规定的是：%(names)s") % {"names": names}
        options = [("own", gettext("各指标都按系统里规定的单位"))] + [(unit, unit) for unit in units]
        told = reading.ask("unit", "", text, options)
        for code, own in owns.items():
            if told and own:
                reading.shape.units[code] = told if told != "own" and _same(told, own) else own
    for code in (code for code, own in owns.items() if not own):
        text = gettext("“%(name)s”的单位是什么？") % {"name": reading.names.titles[code]}
        if told := reading.ask("unit", code, text, [(unit, unit) for unit in UNITS]):
            reading.shape.units[code] = told


def ask_fractions(reading: Reading) -> None:
    """Growth and shares that are all about as small as fractions: 0.171 may be 17.1%."""
    units = {column.letter: column.said.units for column in reading.columns}
    fractions = set()
    for key, texts in [*reading.growths.items(), *reading.shares.items()]:
        is_share = key in reading.names.meant
        if not _may_be_fractions(texts, "%" in units.get(key, ()), is_share):
            continue
        example = next(text for text in texts if (figure := figure_in(text)) and figure.value)
        value = (figure_in(example).value or Decimal(0)) * 100  # type: ignore[union-attr]
        text = gettext("%(what)s里的数都很小，如 %(example)s，是哪种写法？") % {
            "what": f"“{reading.names.titles[key]}”" if is_share else gettext("增速"),
            "example": example,
        }
        options = [
            ("percent", gettext("%(example)s 就是 %(example)s%%") % {"example": example}),
            (
                "fraction",
                gettext("%(example)s 是 %(value)s%%") % {"example": example, "value": fixed(value)},
            ),
        ]
        column = next((c for c in reading.columns if c.letter == key), None)
        told = reading.ask("percent", key, text, options, place=reading.where(column))
        if told == "fraction" and (is_share or key == "rows"):
            fractions.add("growth" if key == "rows" else key)
    reading.shape.fractions = frozenset(fractions)


def compare(reading: Reading, latest: Mapping[str, tuple[Decimal, str]]) -> None:
    """Levels that are 50 times what is approved or more, or a fiftieth or less: which unit was meant?"""
    for code, levels in reading.levels.items():
        own = reading.names.meant[code].unit
        value, unit = latest.get(code, (Decimal(0), ""))
        if not value or unit != own or len(_units_like(own)) < 2:
            continue
        if any(figure == value for figure, _stated, _column in levels):
            continue  # a file that repeats what is approved has its unit right
        for figure, stated, column in levels:
            meant = stated or reading.shape.units.get(code, "") or (own if reading.shape.is_long else "")
            if not _same(meant, own):
                continue
            ratio = abs(convert(figure, meant, own) / value)
            if ratio and not 1 / Decimal(SLIP) < ratio < SLIP:
                ask_magnitude(reading, code, figure, meant, column, (value, own))
                break


def ask_magnitude(
    reading: Reading, code: str, figure: Decimal, unit: str, column: Column, current: tuple[Decimal, str]
) -> None:
    text = gettext(
        "“%(name)s”写的是 %(value)s%(unit)s，系统里现行的是 %(current)s%(own)s，数量级不同。单位写对了吗？"
    ) % {
        "name": reading.names.titles[code],
        "value": plain(figure),
        "unit": unit,
        "current": plain(current[0]),
        "own": current[1],
    }
    others = [(other, gettext("单位应是%(unit)s") % {"unit": other}) for other in _units_like(unit) if other != unit]
    told = reading.ask("magnitude", code, text, [as_is(), *others], place=reading.where(column))
    if told and told != AS_IS:
        reading.shape.corrected[code] = told


def _same(unit: str, other: str) -> bool:
    return unit in UNITS and other in UNITS and UNITS[unit].dimension == UNITS[other].dimension


def _units_like(unit: str) -> list[str]:
    """The units that a figure of this one could be written in; a rate is a rate."""
    if unit not in UNITS or UNITS[unit].dimension == "ratio":
        return [unit]
    return [name for name in UNITS if _same(name, unit)]


def _may_be_fractions(texts: list[str], is_percent: bool, is_share: bool) -> bool:
    """Whether plain numbers, all within ±1.5, could be fractions; under a % only when they have three decimals."""
    figures = [figure_in(text) for text in texts]
    values = [figure.value for figure in figures if figure and figure.value is not None and not figure.text]
    if not values or any(figure.unit for figure in figures if figure) or not any(values):
        return False
    if all(value == value.to_integral_value() for value in values):
        return False
    if any(abs(value) >= Decimal("1.5") for value in values) or (is_share and any(value < 0 for value in values)):
        return False
    return not is_percent or any(int(value.as_tuple().exponent) <= -3 for value in values)
