"""The form that sets and changes a target; what belongs together is decided by the action."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from indicators.actions.targets import Point
from indicators.models import Comparator, Indicator, Source, StrategyNode, Target
from indicators.written import figure_in_unit, storable
from lvyuan.numbers import NumberError, plain
from lvyuan.periods import Period, PeriodError, label, parse
from lvyuan.ui.words import refusal

MONTHS = tuple(range(1, 13))
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "promise",
        gettext_noop("承诺什么"),
        ("code", "name", "kind", "indicator", "node", "measure", "text", "value", "unit"),
    ),
    ("direction", gettext_noop("怎样算达到"), ("direction", "upper", "compared_with", "met_on")),
    (
        "path",
        gettext_noop("期限与进度"),
        ("period", "deadline_stated", "path", "baseline_value", "baseline_on", "rounding", "places"),
    ),
    ("plan", gettext_noop("月度计划"), tuple(f"month_{month}" for month in MONTHS)),
    ("source", gettext_noop("来源"), ("source", "locator", "wording", "note")),
    ("change", gettext_noop("调整"), ("reason", "authority")),
)
# Columns of the table that the form names alike and whose cleaned value is stored as it is.
_PLAIN = (
    *("name", "kind", "indicator", "node", "measure", "text", "unit", "direction", "compared_with", "met_on"),
    *("deadline_stated", "path", "baseline_on", "rounding", "places", "source", "locator", "wording", "note"),
)


class DayField(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class NumberField(forms.CharField):
    """A typed number as Decimal, in the unit that the form names."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=60, strip=True, **kwargs)


class TargetForm(forms.Form):
    """`columns()`, `period` and `points` are what `actions.set_target` asks for."""

    code = forms.SlugField(
        label=_("代码"), max_length=60, help_text=_("小写字母、数字和连字符，如 gdp-2025；以后不变。")
    )
    name = forms.CharField(label=_("名称"), max_length=80)
    kind = forms.ChoiceField(label=_("类别"), choices=Target.Kind)
    indicator = forms.ModelChoiceField(
        Indicator.objects.all(), label=_("指标"), to_field_name="code", required=False, empty_label=_("不对应指标")
    )
    node = forms.ModelChoiceField(
        StrategyNode.objects.all(), label=_("战略节点"), required=False, empty_label=_("不挂战略")
    )
    measure = forms.ChoiceField(label=_("目标对象"), choices=Target.Measure)
    text = forms.CharField(label=_("定性表述"), max_length=200, required=False, help_text=_("只用于定性目标。"))
    value = NumberField(label=_("目标值"), help_text=_("区间目标填下限；可写“不低于1000”。"))
    unit = forms.CharField(label=_("计量单位"), max_length=30, required=False, help_text=_("增速目标不用填。"))
    direction = forms.ChoiceField(label=_("方向"), choices=Target.Direction)
    upper = NumberField(label=_("上限"), help_text=_("只用于“在区间内”。"))
    compared_with = forms.ModelChoiceField(
        Indicator.objects.all(),
        label=_("比较指标"),
        to_field_name="code",
        required=False,
        empty_label=_("不比较"),
        help_text=_("只用于“不低于另一指标”，如居民收入与经济增长同步。"),
    )
    met_on = DayField(label=_("完成日期"), required=False, help_text=_("只用于“按期完成”，完成以后填。"))
    period = forms.CharField(
        label=_("期限"), max_length=40, help_text=_("如“2026年”“2023年8月—2025年12月”“2026年1—6月”。")
    )
    deadline_stated = forms.BooleanField(label=_("来源写明了这个期限"), required=False)
    path = forms.ChoiceField(label=_("进度方法"), choices=Target.Path)
    baseline_value = NumberField(label=_("基期值"), help_text=_("按复合增速的目标必填，单位同目标值。"))
    baseline_on = DayField(label=_("基期日期"), required=False)
    rounding = forms.ChoiceField(label=_("差距修约"), choices=Target.Rounding)
    places = forms.IntegerField(label=_("差距小数位"), min_value=0, max_value=4)
    source = forms.ModelChoiceField(Source.objects.all(), label=_("来源"), to_field_name="code")
    locator = forms.CharField(label=_("出处"), max_length=80, required=False)
    wording = forms.CharField(label=_("原文词语"), max_length=80, required=False)
    note = forms.CharField(label=_("说明"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    reason = forms.CharField(label=_("调整理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    authority = forms.CharField(label=_("批准依据"), max_length=120, help_text=_("如“区政府常务会议纪要〔2026〕3号”。"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, target: Target | None = None, points: Sequence[Point] = (), **kwargs: Any) -> None:
        self.target = target
        initial = {"rounding": Target.Rounding.HALF_UP, "places": 1, "path": Target.Path.NONE}
        super().__init__(*args, initial=_initial(target, points) if target else initial, **kwargs)
        for month in MONTHS:
            self.fields[f"month_{month}"] = NumberField(label=date_format(dt.date(2000, month, 1), gettext("n月")))
        self.fields["node"].queryset = StrategyNode.objects.select_related("plan")  # type: ignore[attr-defined]
        for name in ("reason", "authority", "version") if target is None else ("code",):
            del self.fields[name]

    def sections(self) -> list[dict[str, Any]]:
        """The visible fields under their headings; a new target has nothing to explain."""
        return [
            {"id": key, "title": gettext(title), "fields": [self[name] for name in names if name in self.fields]}
            for key, title, names in SECTIONS
            if any(name in self.fields for name in names)
        ]

    def clean_period(self) -> Period:
        try:
            return parse(self.cleaned_data["period"])
        except PeriodError as error:
            raise forms.ValidationError(refusal(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        unit = "%" if cleaned.get("measure") == Target.Measure.GROWTH else cleaned.get("unit", "")
        for name in ("value", "upper", "baseline_value", *(f"month_{month}" for month in MONTHS)):
            if name in cleaned:
                self._clean_number(name, cleaned, unit)
        return cleaned

    def _clean_number(self, name: str, cleaned: dict[str, Any], unit: str) -> None:
        """Puts a Decimal in place of what was typed, and keeps an inexact target's wording."""
        text = cleaned[name]
        cleaned[name] = None
        if not text:
            return
        try:
            parsed = figure_in_unit(text, unit)
            if parsed.value is None:
                self.add_error(name, _("请填写数字。"))
                return
            cleaned[name] = storable("value", parsed.value, text)
        except NumberError as error:
            self.add_error(name, refusal(error))
            return
        if name == "value":
            cleaned["comparator"] = parsed.comparator
            cleaned["printed"] = parsed.printed if parsed.comparator != Comparator.EQUAL else ""
        elif parsed.comparator != Comparator.EQUAL:
            self.add_error(name, _("请填确切数值，不写“余”“近”“约”。"))

    def columns(self) -> dict[str, object]:
        """Target's columns as the form says them."""
        said: dict[str, object] = {name: self.cleaned_data[name] for name in _PLAIN}
        said |= {name: self.cleaned_data[name] for name in ("value", "upper", "baseline_value")}
        if self._changes_value:
            said |= {"comparator": self.cleaned_data.get("comparator", Comparator.EQUAL)}
            said |= {"printed": self.cleaned_data.get("printed", "")}
        return said

    @property
    def _changes_value(self) -> bool:
        """An unchanged value keeps the print that its source gave it."""
        return self.target is None or "value" in self.changed_data or "unit" in self.changed_data

    @property
    def points(self) -> list[Point]:
        """The filled months of the plan, in the year of the period's end."""
        year = self.cleaned_data["period"].year_no
        numbers: dict[int, Decimal | None] = {month: self.cleaned_data[f"month_{month}"] for month in MONTHS}
        return [
            (dt.date(year, month, calendar.monthrange(year, month)[1]), value)
            for month, value in numbers.items()
            if value is not None
        ]


def _initial(target: Target, points: Sequence[Point]) -> dict[str, Any]:
    """What the form shows of a target: figures digit for digit."""
    said: dict[str, Any] = {name: getattr(target, name) for name in _PLAIN}
    numbers = {name: getattr(target, name) for name in ("value", "upper", "baseline_value")}
    numbers |= {f"month_{day.month}": value for day, value in points}
    said |= {name: plain(value) if value is not None else "" for name, value in numbers.items()}
    said |= {name: getattr(target, name).code for name in ("indicator", "compared_with", "source") if said[name]}
    return said | {"period": label(target.period), "version": target.version}
