"""Forms: what people type, understood as figures or refused with a reason beside the field."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from indicators.models import Comparator, Entry, RankBy
from indicators.written import figure_in_unit, storable
from lvyuan.numbers import NullReason, NumberError, ParsedFigure, plain


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
            raise forms.ValidationError(str(error)) from error


class LineForm(forms.Form):
    """One indicator's line of a department's form; `columns()` gives Entry's columns."""

    value = FigureTextField(label=_("本期累计"), column="value")
    growth = FigureTextField(label=_("同比增长"), column="growth", unit="%")
    rank_place = forms.IntegerField(label=_("位次"), required=False, min_value=1)
    rank_by = forms.ChoiceField(label=_("位次依据"), required=False, choices=[("", "—"), *RankBy.choices])
    note = forms.CharField(label=_("说明"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, unit: str, pool: Any, entry: Entry | None, **kwargs: Any) -> None:
        self.unit, self.pool = unit, pool
        if entry is not None:
            kwargs["initial"] = entry_initial(entry)
        super().__init__(*args, **kwargs)
        value = self.fields["value"]
        assert isinstance(value, FigureTextField)
        value.unit = unit
        size = pool.size if pool is not None else 0
        self.fields["rank_place"].max_value = size
        self.fields["rank_place"].widget.attrs |= {"min": 1, "max": size, "inputmode": "numeric"}
        for name in ("value", "growth"):
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

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

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        place = cleaned.get("rank_place")
        if place and self.pool is None:
            self.add_error("rank_place", _("还没有设定位次范围，请联系管理员。"))
        elif place and place > self.pool.size:
            self.add_error("rank_place", _("位次不能大于范围内的区数 %(size)s。") % {"size": self.pool.size})
        elif place and not cleaned.get("rank_by"):
            self.add_error("rank_by", _("请选择位次按什么排：总量、增速或未说明。"))
        return cleaned

    def data_typed(self) -> list[tuple[str, str]]:
        """Field by field, what was typed into this line; empty fields are left out."""
        texts = ((name, str(self[name].data or "").strip()) for name in self.fields)
        return [(name, text) for name, text in texts if text]

    def columns(self) -> dict[str, object]:
        """Entry's figure columns; call only on a valid form."""
        value, growth = self.cleaned_data["value"], self.cleaned_data["growth"]
        place = self.cleaned_data["rank_place"]
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
            "rank_by": self.cleaned_data["rank_by"] if place else "",
            "note": self.cleaned_data["note"],
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
    }


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}), required=True)
