"""What a spreadsheet shows for a stored number: percents, dates, or the number itself."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

from lvyuan.imports.table import Cell, Flaw, fixed, number_cell
from lvyuan.numbers import _


class Format(Enum):
    """How a number format shows a number."""

    PLAIN = "plain"
    PERCENT = "percent"  # 0.171 stands as 17.1%
    SCALED = "scaled"  # shown in thousands or more, while the stored number is not
    DATE = "date"
    YEAR_MONTH = "year_month"
    YEAR = "year"
    MONTH = "month"
    TIME = "time"


# How a number stands: as one of these, or as itself with at least so many decimals.
Shown: TypeAlias = Format | int

# Formats every workbook has without saying so; 27–36 and 50–58 are those of Chinese versions.
_BUILTIN: Final[dict[int, Shown]] = (
    dict.fromkeys((2, 4, 39, 40, 43, 44), 2)
    | dict.fromkeys((9, 10), Format.PERCENT)
    | dict.fromkeys((14, 15, 16, 22, 28, 29, 30, 31, 51, 53, 54, 58), Format.DATE)
    | dict.fromkeys((17, 27, 36, 50, 52, 57), Format.YEAR_MONTH)
    | dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56), Format.TIME)
)
# Quoted and escaped characters, padding, fill, and bracketed colours, locales and conditions are no digits.
_LITERAL: Final = re.compile(r'"[^"]*"|[\\!].|_.|\*.')
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_WORDS: Final = re.compile(r"general|standard|g/[^;]*|am/pm|a/p|上午/下午", re.IGNORECASE)
_DECIMALS: Final = re.compile(r"\.(0+)")
_SCALING: Final = re.compile(r"[0#?],+(?![,0#?])")


@lru_cache(maxsize=4096)
def format_of(number: int, code: str | None = None) -> Shown:
    """How the format of that number shows numbers; `code` is how the workbook defines it, if it does."""
    if code is None:
        return _BUILTIN.get(number, Format.PLAIN)
    code = _LITERAL.sub("", code).partition(";")[0]
    if _ELAPSED.search(code):
        return Format.TIME
    code = _WORDS.sub("", _BRACKETS.sub("", code)).lower()
    if not set("dhsy").isdisjoint(code) or ("e" in code and "0" not in code):
        return _date_format(code)
    if "m" in code and set("0#?").isdisjoint(code):
        return Format.MONTH
    if "%" in code:
        return Format.PERCENT
    if _SCALING.search(code):
        return Format.SCALED
    zeros = _DECIMALS.search(code)
    return len(zeros[1]) if zeros and "e" not in code else Format.PLAIN


def _date_format(code: str) -> Format:
    if "d" in code:
        return Format.DATE
    has_year, has_time = "y" in code or "e" in code, "h" in code or "s" in code
    if has_time:
        return Format.DATE if has_year else Format.TIME
    return Format.YEAR_MONTH if "m" in code else Format.YEAR


_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


def stored_number(text: str) -> float | None:
    """A number as XML writes it; None when it is none. Huge ones are infinite."""
    return float(text) if _NUMBER.fullmatch(text) else None


def shown_number(number: float, kind: Shown, *, is_1904: bool = False) -> Cell:
    """The number as a person sees it, with its digits at full length: 17 under 0.0 is 17.0, and 21.37 stays."""
    if kind is Format.PLAIN:
        return number_cell(number)
    if isinstance(kind, int):
        text = number_cell(number)
        return _padded(text, kind) if isinstance(text, str) else text
    if kind is Format.PERCENT:
        text = number_cell(number)
        return f"{fixed(Decimal(text).scaleb(2))}%" if isinstance(text, str) else text
    if kind is Format.SCALED:
        return Flaw(
            _("的数字格式把数缩小了显示（如以千、万显示），看到的与存的不是同一个数"),
            _("请把单元格格式改为“常规”，核对后再上传"),
        )
    if kind is Format.TIME:
        return not_a_moment()
    moment = moment_of(number, is_1904=is_1904)
    return (
        Flaw(_("是日期格式，存的数却不是有效的日期"), _("请改为文字或常规格式"))
        if moment is None
        else shown_moment(moment, kind)
    )


def _padded(digits: str, places: int) -> str:
    whole, _point, decimals = digits.partition(".")
    return f"{whole}.{decimals.ljust(places, '0')}"


# Spreadsheets know no time zones.
_START_1900: Final = dt.datetime(1899, 12, 31)  # noqa: DTZ001
_START_1904: Final = dt.datetime(1904, 1, 1)  # noqa: DTZ001


def moment_of(serial: float, *, is_1904: bool) -> dt.datetime | None:
    """The moment of a spreadsheet's day number, to the second; None outside 1900–9999.

    Day 60 of the 1900 calendar is a 29 February that never was.
    """
    if not 0 <= serial < 2_958_466 or (not is_1904 and (serial < 1 or 60 <= serial < 61)):
        return None
    start = _START_1904 if is_1904 else _START_1900 if serial < 60 else _START_1900 - dt.timedelta(days=1)
    try:
        return start + dt.timedelta(seconds=round(serial * 86_400))
    except OverflowError:
        return None


def shown_moment(moment: dt.datetime, kind: Format = Format.DATE) -> str:
    """2023-06-30, with the time of day if there is one; only what the format shows: 2023年6月, 2023年, 6月."""
    if kind is Format.YEAR_MONTH:
        return f"{moment.year}年{moment.month}月"
    if kind is Format.YEAR:
        return f"{moment.year}年"
    if kind is Format.MONTH:
        return f"{moment.month}月"
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat(" ")


# What cells can hold besides texts and numbers


def not_a_moment() -> Flaw:
    return Flaw(_("是时刻或时长，不是数据"), _("请写数字、日期或文字"))


def formula_error() -> Flaw:
    return Flaw(_("是公式错误（如 #DIV/0!、#N/A）"), _("请改正公式或直接填写数字"))


def not_calculated() -> Flaw:
    return Flaw(_("是公式，但文件里没有计算结果"), _("请在 Excel 或 WPS 中打开、保存后再上传"))


def logical(value: bool) -> Flaw:
    return Flaw(f"是逻辑值 {str(value).upper()}，不是数据", _("请写数字或文字"))


def no_number() -> Flaw:
    return Flaw(_("不是有限的数"), _("请核对这个数"))


def iso_moment(text: str, kind: Format) -> Cell:
    """A date written out in the file (2023-06-30, with or without a time), as its format shows it."""
    try:
        moment = dt.datetime.fromisoformat(text.strip().removesuffix("Z"))
    except ValueError:
        return Flaw(_("不是有效的日期"), _("请核对这个日期"))
    return shown_moment(moment, kind)
