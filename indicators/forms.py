"""Forms: what people type, understood as figures or refused with a reason beside the field."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from indicators.models import Comparator, Entry, RankBy, VintageStatus
from indicators.written import figure_in_unit, storable
from lvyuan.numbers import NullReason, NumberError, ParsedFigure, plain
from lvyuan.ui.words import refusal


class FigureTextField(forms.CharField):
    """A typed figure (223.7, 223.7亿元, ２２３．７, 450余, …) as a ParsedFigure in the column's unit."""

    def __init__(self, *, column: str, unit: str = "", **kwargs: Any) -> None:
        self.column, self.unit = column, unit
        super().__init__(required=False, max_length=60, strip=True, **kwargs)

    def clean(self, value: Any) -> ParsedFigure | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            return None
        try:
            parsed = figure_in_unit(text, self.unit)
            if parsed.value is None:
                return parsed
            return replace(parsed, value=storable(self.column, parsed.value, text))
        except NumberError as error:
            raise forms.ValidationError(refusal(error)) from error  # the text stands above it


# A department says how firm its figure is; withdrawing is a reviewer's and "unstated" a newspaper's.
# Short, for a narrow column.
RANK_BY = [("", _("依据")), *((by.value, _("未说明") if by is RankBy.UNSTATED else by.label) for by in RankBy)]
STATUSES = [(status.value, status.label) for status in VintageStatus if status not in ("withdrawn", "unstated")]


class PlaceField(forms.IntegerField):
    """A typed place: 2, ２ or 第2位."""

    default_error_messages = {"invalid": _("位次请填整数，如 2。"), "min_value": _("位次从 1 起。")}

    def to_python(self, value: Any) -> int | None:
        return super().to_python(re.sub("^第|[位名]$", "", str(value or "").strip()))


class LineForm(forms.Form):
    """One indicator's line of a department's form; `columns()` gives Entry's columns."""

    value = FigureTextField(label=_("本期数"), column="value")
    growth = FigureTextField(label=_("同比增长"), column="growth", unit="%")
    rank_place = PlaceField(label=_("位次"), required=False, min_value=1)
    rank_by = forms.ChoiceField(label=_("位次依据"), required=False, choices=RANK_BY)
    note = forms.CharField(label=_("说明"), required=False, max_length=500)
    status = forms.ChoiceField(label=_("数据状态"), required=False, choices=STATUSES)
    reason = forms.CharField(label=_("修订理由"), required=False, max_length=300)

    def __init__(self, *args: Any, unit: str, pool: Any, **kwargs: Any) -> None:
        self.unit, self.pool = unit, pool
        super().__init__(*args, **kwargs)
        value = self.fields["value"]
        assert isinstance(value, FigureTextField)
        value.unit = unit

    def clean_value(self) -> ParsedFigure | None:
        parsed = self.cleaned_data["value"]
        if parsed is not None and parsed.value is not None and not self.unit and not parsed.unit:
            raise forms.ValidationError(_("这项指标尚未规定计量单位，请连同单位填写，如 12.3万平方米。"))
        return parsed

    def clean_growth(self) -> ParsedFigure | None:
        parsed = self.cleaned_data["growth"]
        if parsed is not None and parsed.comparator != Comparator.EQUAL:
            raise forms.ValidationError(_("增速请填确切数值，不写“余”“近”“约”。"))
        return parsed

    def clean_rank_place(self) -> int | None:
        place: int | None = self.cleaned_data["rank_place"]
        if place and self.pool is None:
            raise forms.ValidationError(_("还没有设定位次范围，请联系管理员。"))
        if place and place > self.pool.size:
            raise forms.ValidationError(_("位次不能大于范围内的区数 %(size)s。") % {"size": self.pool.size})
        return place

    def clean_note(self) -> str:
        # Browsers send a form's line ends as CRLF, scripts as LF: one text must not look like two.
        return "\n".join(self.cleaned_data["note"].splitlines())

    def unread(self) -> dict[str, str]:
        """Field by field, what was typed and cannot be understood."""
        return {name: str(self[name].data).strip() for name in self.errors}

    def columns(self) -> dict[str, object]:
        """Entry's figure columns; a field that cannot be understood says nothing."""
        self.is_valid()
        said = self.cleaned_data.get
        value, growth, place = said("value"), said("growth"), said("rank_place")
        exact = value is None or value.comparator == Comparator.EQUAL
        return {
            "value": value.value if value else None,
            "comparator": value.comparator if value else Comparator.EQUAL.value,
            "unit": (value.unit or self.unit) if value and value.value is not None else "",
            "printed": "" if exact or value is None else value.printed,
            "null_reason": str(value.null_reason) if value and value.null_reason else "",
            "growth": growth.value if growth else None,
            "growth_basis": "unstated" if growth and growth.value is not None else "",
            "rank_pool": self.pool.pool if place else None,
            "rank_place": place,
            "rank_by": said("rank_by") or (RankBy.UNSTATED.value if place else ""),
            "note": said("note", ""),
            "status": said("status") or VintageStatus.FLASH.value,
            "reason": said("reason", ""),
        }


# How a reason for having no value is typed, so that a saved form reads as it was written.
NULL_MARKS = {
    NullReason.NOT_AVAILABLE.value: "NA",
    NullReason.BELOW_UNIT.value: "…",
    NullReason.NOT_APPLICABLE.value: "—",
    NullReason.SUPPRESSED.value: "***",
}


def _typed(value: Decimal | None) -> str:
    return plain(value) if value is not None else ""


def entry_initial(entry: Entry) -> dict[str, Any]:
    """What the form shows for a saved line."""
    unit = entry.unit if entry.unit and not entry.printed else ""
    return {
        "value": entry.printed or NULL_MARKS.get(entry.null_reason) or _typed(entry.value) + unit,
        "growth": _typed(entry.growth),
        "rank_place": entry.rank_place,
        "rank_by": entry.rank_by,
        "note": entry.note,
        "status": entry.status,
        "reason": entry.reason,
    }


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}), required=True)
