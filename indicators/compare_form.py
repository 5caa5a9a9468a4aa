"""What the compare page is asked for: a plain GET form whose address can be sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from indicators.compare import MAX_INDICATORS, MAX_LINES, Show
from indicators.models import Indicator
from indicators.models.fields import PERIOD_KINDS
from lvyuan.accounts.models import District
from lvyuan.periods import Period, PeriodError, PeriodKind
from lvyuan.ui.words import name_of

COMPARED_KINDS = (PeriodKind.YTD, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR, PeriodKind.INSTANT)


class MonthField(forms.CharField):
    """2024-03 as the month."""

    def to_python(self, value: Any) -> Period | None:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return Period.from_code(f"{text}.month")
        except PeriodError as error:
            raise forms.ValidationError(
                _("没有“%(text)s”这个月份。请写成 年-月，例如 2023-06。"), params={"text": text}
            ) from error


class CompareForm(forms.Form):
    """Codes become indicators and districts in the order of their lists; months default to the last two years."""

    indicator = forms.MultipleChoiceField(
        label=_("指标"),
        required=False,
        error_messages={"invalid_choice": _("没有代码为“%(value)s”的指标，或者它不是数量指标。")},
    )
    district = forms.MultipleChoiceField(
        label=_("区"),
        required=False,
        error_messages={"invalid_choice": _("“%(value)s”不是可以比较的区。")},
    )
    since = MonthField(label=_("从"), required=False)
    until = MonthField(label=_("到"), required=False)
    kind = forms.ChoiceField(
        label=_("时期"),
        required=False,
        choices=[
            ("", _("各指标主要时期")),
            *((one.value, dict(PERIOD_KINDS)[one.value]) for one in COMPARED_KINDS),
        ],
        error_messages={"invalid_choice": _("没有“%(value)s”这种时期。")},
    )
    show = forms.ChoiceField(
        label=_("比较"),
        required=False,
        choices=Show.choices,
        error_messages={"invalid_choice": _("没有“%(value)s”这种比法。")},
    )

    def __init__(
        self, *args: Any, indicators: Sequence[Indicator], districts: Sequence[District], latest: Period, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.indicators, self.districts, self.latest = indicators, districts, latest
        self.fields["indicator"].choices = [(one.code, name_of(one)) for one in indicators]  # type: ignore[attr-defined]
        self.fields["district"].choices = [(one.code, name_of(one)) for one in districts]  # type: ignore[attr-defined]

    def clean_indicator(self) -> list[Indicator]:
        codes = set(self.cleaned_data["indicator"])
        if len(codes) > MAX_INDICATORS:
            raise forms.ValidationError(
                _("一次最多比较 %(most)s 项指标，现在选了 %(count)s 项。"),
                params={"most": MAX_INDICATORS, "count": len(codes)},
            )
        return [one for one in self.indicators if one.code in codes]

    def clean_district(self) -> list[District]:
        codes = set(self.cleaned_data["district"]) or {self.districts[0].code}
        return [one for one in self.districts if one.code in codes]

    def clean_kind(self) -> PeriodKind | None:
        return PeriodKind(self.cleaned_data["kind"]) if self.cleaned_data["kind"] else None

    def clean_show(self) -> Show:
        return Show(self.cleaned_data["show"] or Show.VALUE)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if self.errors:
            return said
        until = said["until"] = said["until"] or self.latest
        since = said["since"] = said["since"] or Period.month(until.year_no - 1, 1)
        if since.end > until.end:
            self.add_error("since", _("起始月份晚于截止月份。"))
        lines = len(said["indicator"]) * len(said["district"])
        if lines > MAX_LINES:
            self.add_error(
                "district",
                forms.ValidationError(
                    _("一次最多画 %(most)s 条线（指标数 × 区数），现在是 %(count)s 条。"),
                    params={"most": MAX_LINES, "count": lines},
                ),
            )
        return said
