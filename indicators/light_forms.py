"""Forms about lights: a rule's conditions row by row, exemptions, and which indicators use a rule."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.lights import COMPARATORS, MEASURES, LightRuleError, Rule, parse_rule
from indicators.models import Indicator, Light, LightRuleVersion

ROWS = 8
AND, OR = "and", "or"
_LIGHTS = [("", _("（不用这行）")), *Light.choices, (AND, _("　并且")), (OR, _("　或者"))]
_MEASURES = [
    ("", _("（请选择）")),
    *(
        (code.value, format_lazy(_("{title}（{unit}）"), title=_(title), unit=_(unit)))
        for code, (title, unit) in MEASURES.items()
    ),
]
_SIGNS = [(sign, _(words)) for sign, (_compare, words) in COMPARATORS.items()]
_DAY = {"type": "date"}


class DayField(forms.DateField):
    widget = forms.DateInput(attrs=_DAY, format="%Y-%m-%d")


class TestRow(forms.Form):
    """One comparison: which light it gives, or whether it goes on with the row above."""

    light = forms.ChoiceField(label=_("灯"), choices=_LIGHTS, required=False)
    measure = forms.ChoiceField(label=_("看什么"), choices=_MEASURES, required=False)
    sign = forms.ChoiceField(label=_("怎么比"), choices=_SIGNS, required=False)
    value = forms.CharField(label=_("比多少"), max_length=20, required=False)

    __test__ = False  # not one of pytest's

    def as_test(self) -> dict[str, str]:
        said = self.cleaned_data
        return {"measure": said["measure"], "is": said["sign"], "value": said["value"].strip()}


_RowSet = forms.formset_factory(TestRow, extra=ROWS, max_num=ROWS, absolute_max=ROWS)


def rows_of(conditions: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows that say these conditions."""
    rows = []
    for condition in conditions:
        join = AND if "all" in condition else OR
        for number, test in enumerate(condition.get("all") or condition["any"]):
            light = join if number else condition["light"]
            rows.append({"light": light, "measure": test["measure"], "sign": test["is"], "value": test["value"]})
    return rows


def conditions_of(rows: list[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    """The conditions that (light or join, test) rows say. Raises LightRuleError naming the row."""
    conditions: list[dict[str, Any]] = []
    for number, (light, test) in enumerate(rows, 1):
        if light not in (AND, OR):
            conditions.append({"light": light, "all": [test]})
            continue
        if not conditions:
            raise LightRuleError(gettext("第%(number)s行接着上一行，可上面没有条件。") % {"number": number})
        last = conditions[-1]
        if ("any" in last and light == AND) or ("all" in last and light == OR and len(last["all"]) > 1):
            raise LightRuleError(
                gettext("第%(number)s行：同一个条件里只能全用“并且”或全用“或者”。") % {"number": number}
            )
        if light == OR and "all" in last:
            last["any"] = last.pop("all")
        last["any" if light == OR else "all"].append(test)
    return conditions


class RuleForm(forms.Form):
    """What a rule shall say from a period on; `conditions` and `rule` after is_valid()."""

    otherwise = forms.ChoiceField(label=_("都不符合时"), choices=Light.choices)
    valid_from = DayField(label=_("自哪天起"), help_text=_("止于这一天或以后的时期按新版评定；已评的不变。"))
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    authority = forms.CharField(label=_("批准依据"), max_length=120, help_text=_("如：区政府常务会议纪要〔2024〕8号。"))
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, *, version: LightRuleVersion | None) -> None:
        said = {"otherwise": version.otherwise} if version else {}
        super().__init__(data, initial=said)
        self.rows = _RowSet(data, prefix="row", initial=rows_of(version.conditions) if version else [])
        if data is None:
            self.rows.extra = max(ROWS - len(self.rows.initial or []), 1)
        self.conditions: list[dict[str, Any]] = []
        self.rule: Rule | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.rows.is_valid():
            self.add_error(None, _("有一行没有填对，请在标出处改正。"))
            return cleaned
        rows = [(row.cleaned_data["light"], row.as_test()) for row in self.rows if row.cleaned_data.get("light")]
        try:
            self.conditions = conditions_of(rows)
            self.rule = parse_rule(self.conditions, cleaned.get("otherwise", ""))
        except LightRuleError as error:
            self.add_error(None, str(error))
        return cleaned

    @property
    def digest(self) -> str:
        """What was previewed; another text is another preview."""
        said = json.dumps([self.conditions, self.cleaned_data.get("otherwise")], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def was_previewed(self) -> bool:
        return bool(self.cleaned_data.get("previewed") == self.digest)


class LightExemptionForm(forms.Form):
    """Whose light does not count, from when to when, and by whose decision."""

    indicator = forms.ModelChoiceField(Indicator.objects.all(), label=_("指标"), empty_label=_("请选择"))
    valid_from = DayField(label=_("起"))
    valid_to = DayField(label=_("到期日"), help_text=_("必填；到期自动恢复。"))
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    authority = forms.CharField(label=_("批准依据"), max_length=120, help_text=_("如：区政府常务会议纪要。"))

    def __init__(self, data: Mapping[str, Any] | None = None, *, today: dt.date | None = None) -> None:
        super().__init__(data, initial={"valid_from": today}, prefix="exempt")


class RuleUseForm(forms.Form):
    """An indicator that this rule shall judge from now on, or no longer."""

    indicator = forms.ModelChoiceField(Indicator.objects.all(), label=_("指标"), empty_label=_("请选择"))
    reason = forms.CharField(label=_("理由"), max_length=300)
