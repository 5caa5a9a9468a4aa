"""Forms about rounds: their moments, and what is opened again for a while."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from indicators.models import Indicator, LockException, Round
from indicators.obligations import owed
from lvyuan.accounts.models import Department


class MomentField(forms.DateTimeField):
    """A local date and time, to the minute."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(error_messages={"invalid": _("请填写日期和时间，如 2026-12-12 18:00。")}, **kwargs)


class MomentsForm(forms.Form):
    """When a round falls due and closes. A due moment that has passed asks whether that is meant."""

    due_at = MomentField(label=_("应报时间"), help_text=_("过了算逾期，仍可填报。"))
    closes_at = MomentField(label=_("关闭时间"), help_text=_("过了不能再填，除非临时开放。"))
    instructions = forms.CharField(
        label=_("填报说明"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    is_meant = forms.BooleanField(label=_("应报时间已过，未报的单位立即算逾期：确认"), required=False)

    @property
    def asks_if_meant(self) -> bool:
        """Whether the page has to show the question."""
        return "is_meant" in self.errors or bool(self.is_bound and self.data.get("is_meant"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        opens_at, due_at, closes_at = (cleaned.get(name) for name in ("opens_at", "due_at", "closes_at"))
        if opens_at and due_at and due_at <= opens_at:
            self.add_error("due_at", _("应报时间须晚于开始填报。"))
        if due_at and closes_at and closes_at < due_at:
            self.add_error("closes_at", _("关闭时间不得早于应报时间。"))
        if due_at and due_at <= timezone.now() and not cleaned.get("is_meant") and not self.errors:
            self.add_error("is_meant", _("应报时间已经过了。请改时间，或勾选确认。"))
        return cleaned


class NewRoundForm(MomentsForm):
    opens_at = MomentField(label=_("开始填报"))
    field_order = ("opens_at", "due_at", "closes_at", "instructions", "is_meant")


class ChangeRoundForm(MomentsForm):
    reason = forms.CharField(label=_("调整理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("due_at", "closes_at", "instructions", "reason", "is_meant")

    def __init__(self, *args: Any, round: Round, **kwargs: Any) -> None:
        self.round = round
        initial = {"due_at": round.due_at, "closes_at": round.closes_at, "instructions": round.instructions}
        super().__init__(*args, initial=initial, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if (due_at := cleaned.get("due_at")) and due_at <= self.round.opens_at:
            self.add_error("due_at", _("应报时间须晚于开始填报。"))
        return cleaned


class ExceptionForm(forms.Form):
    """Which lock is opened, for whom, until when and why."""

    lock = forms.ChoiceField(label=_("开放哪种锁定"), choices=LockException.Lock)
    department = forms.ModelChoiceField(
        Department.objects.none(), label=_("填报单位"), to_field_name="code", empty_label=_("请选择")
    )
    indicator = forms.ModelChoiceField(
        Indicator.objects.none(),
        label=_("指标"),
        to_field_name="code",
        required=False,
        empty_label=_("该单位的全部指标"),
    )
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    expires_at = MomentField(label=_("到期自动锁回"), help_text=_("最长31天。"))

    def __init__(self, *args: Any, round: Round, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["department"].queryset = Department.objects.filter(submissions__round=round)
        owing = owed(round)
        indicator = self.fields["indicator"]
        indicator.queryset = Indicator.objects.filter(pk__in={one.indicator.pk for one in owing})
        names: dict[str, list[tuple[str, str]]] = {}
        for one in owing:
            names.setdefault(str(one.department), []).append((one.indicator.code, one.indicator.name))
        indicator.choices = [("", indicator.empty_label), *names.items()]
        if round.closes_at is None:
            self.fields["lock"].choices = [(LockException.Lock.PUBLISHED.value, LockException.Lock.PUBLISHED.label)]

    @staticmethod
    def proposed_end(now: dt.datetime) -> dt.datetime:
        """Three days from now, at six in the evening."""
        return timezone.localtime(now + dt.timedelta(days=3)).replace(hour=18, minute=0, second=0, microsecond=0)
