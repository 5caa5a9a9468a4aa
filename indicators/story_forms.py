"""Forms for what people say beside the figures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from indicators.actions import EXPLAINERS
from indicators.forms import FigureTextField
from indicators.models import Comparator, GrowthReason
from indicators.rows import Row
from indicators.target_forms import DayField
from lvyuan.accounts.models import User


class RemarkForm(forms.Form):
    """What is said, and which vintage was on the page: its period's code and its number; neither where none was."""

    text = forms.CharField(label=_("写一条"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    period = forms.CharField(required=False, widget=forms.HiddenInput)
    number = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)


class AnnotationForm(forms.Form):
    happened_on = DayField(label=_("日期"))
    title = forms.CharField(label=_("事件"), max_length=40)
    text = forms.CharField(label=_("说明"), max_length=300, required=False)
    source = forms.CharField(label=_("来源"), max_length=160)
    for_all = forms.BooleanField(label=_("标在全部指标的时间轴上"), required=False)


class GrowthReasonForm(forms.Form):
    """One reason in signed points, for one vintage."""

    kind = forms.ChoiceField(label=_("原因"), choices=GrowthReason.Kind)
    effect = FigureTextField(column="growth", unit="个百分点", label=_("影响（百分点，可为负）"))
    source = forms.CharField(label=_("来源"), max_length=160)
    note = forms.CharField(label=_("说明"), max_length=300, required=False)
    number = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    def clean_effect(self) -> Any:
        parsed = self.cleaned_data["effect"]
        if parsed is None or parsed.value is None:
            raise forms.ValidationError(_("请填写影响的百分点，如 1.2 或 -0.5。"))
        if parsed.comparator != Comparator.EQUAL:
            raise forms.ValidationError(_("请填确切数值，不写“余”“近”“约”。"))
        return parsed.value


def remark_form(row: Row) -> RemarkForm:
    """The form below an indicator's remarks, bound to what the page shows; other forms stand on the same page."""
    if row.vintage is None or row.period is None:
        return RemarkForm(auto_id="remark_%s")
    return RemarkForm(auto_id="remark_%s", initial={"period": row.period.code, "number": row.vintage.number})


def reason_form(row: Row, user: User) -> GrowthReasonForm | None:
    """For reviewers, where there is a growth to explain."""
    if row.vintage is None or not row.growth or not row.nominal_growth or not user.has_role(*EXPLAINERS):
        return None
    return GrowthReasonForm(initial={"number": row.vintage.number})
