"""What people write as a figure of an indicator, the same in a form and in a file."""

from __future__ import annotations

import re
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from indicators.models import Entry
from indicators.models.fields import FigureField
from lvyuan.numbers import UNITS, NumberError, ParsedFigure, convert, parse_figure


def figure_in_unit(text: str, unit: str, stated: str = "") -> ParsedFigure:
    """The figure in the indicator's unit, exactly; `stated` is a unit written apart from the figure.

    An inexact figure keeps its wording, completed by the unit it is meant in. Raises NumberError.
    """
    text = _with_unit(text, unit) if not stated else text
    stated = "" if stated == unit else stated
    bare = parse_figure(text)
    meant = stated or (unit if unit in UNITS and bare.unit is None else "")
    parsed = parse_figure(text, unit=meant) if meant else bare
    own = parsed.unit or unit
    if parsed.value is None or not own:
        return parsed
    return ParsedFigure(
        value=convert(parsed.value, own, unit) if unit and own != unit else parsed.value,
        comparator=parsed.comparator,
        unit=unit or own,
        printed=text if bare.unit else f"{text}{own}",
    )


# A number's 万 or 亿 without a unit is the column's own: 223.7亿 in a column of money is 223.7亿元.
_SCALED = re.compile("[0-9０-９]余?[万亿]$")


def _with_unit(text: str, unit: str) -> str:
    bare = text.strip()
    if unit not in UNITS or not _SCALED.search(bare):
        return text
    whole = next((u.name for u in UNITS.values() if u.dimension == UNITS[unit].dimension and u.scale == 1), "")
    return f"{bare}{whole}" if whole and f"{bare[-1]}{whole}" in UNITS else text


def storable(name: str, value: Decimal, text: str) -> Decimal:
    """The value if the database can keep all its digits; zero has no sign. Raises NumberError."""
    column = Entry._meta.get_field(name)
    assert isinstance(column, FigureField)
    try:
        column.run_validators(value)
    except ValidationError as error:
        raise NumberError(
            text, gettext("位数过多"), gettext("整数和小数合计不超过 38 位，其中小数不超过 12 位")
        ) from error
    return value if value else value.copy_abs()
