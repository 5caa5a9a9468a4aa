"""Forms of reviewers: what is sent back and why, and what is released on whose authority."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from indicators.actions import CellReturn
from indicators.forms import ReasonForm
from indicators.models import Release, ReturnedCell
from indicators.round_forms import MomentField

REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Tick:
    """One cell that may be sent back: whether it was ticked, and the reason typed beside it."""

    entry: int
    field: str
    label: str
    is_ticked: bool
    reason: str

    @property
    def name(self) -> str:
        return f"cell-{self.entry}-{self.field}"

    @property
    def reason_name(self) -> str:
        return f"why-{self.entry}-{self.field}"

    @property
    def problem(self) -> str:
        if self.is_ticked and not self.reason:
            return str(_("请写明这一项的理由。"))
        if len(self.reason) > REASON_LENGTH:
            return str(_("理由不能超过%(length)s字。") % {"length": REASON_LENGTH})
        return ""


class SendBackForm(ReasonForm):
    """Why a form is sent back: one reason for all of it, or one for each ticked cell.

    A reason typed beside a cell ticks it. Names: `reason`, `cell-<entry>-<field>`, `why-<entry>-<field>`.
    """

    def __init__(self, data: Any = None, *, entries: Sequence[int]) -> None:
        super().__init__(data)
        self.fields["reason"].required = False
        self.ticks = {entry: [self._tick(entry, field) for field in ReturnedCell.Field] for entry in entries}

    def _tick(self, entry: int, field: ReturnedCell.Field) -> Tick:
        tick = Tick(entry, field.value, str(field.label), False, "")
        reason = str(self.data.get(tick.reason_name, "")).replace("\0", "").strip()
        return Tick(entry, field.value, str(field.label), tick.name in self.data or bool(reason), reason)

    @property
    def ticked(self) -> list[Tick]:
        return [tick for ticks in self.ticks.values() for tick in ticks if tick.is_ticked]

    @property
    def cells(self) -> list[CellReturn]:
        return [CellReturn(entry_id=tick.entry, field=tick.field, reason=tick.reason) for tick in self.ticked]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if any(tick.problem for tick in self.ticked):
            self.add_error(None, _("有勾选的单元格没有写好理由，请在标出处改正。"))
        if not self.ticked and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("请写明理由；只退回个别单元格的，请在上表勾选并分别写明理由。"))
        return cleaned


class ReleaseForm(forms.Form):
    """On whose authority figures are released, and when; the moment is now when left empty."""

    authority = forms.CharField(
        label=_("发布依据"),
        max_length=Release._meta.get_field("authority").max_length,
        help_text=_("如：统计局2024年4月新闻发布会。"),
    )
    released_at = MomentField(
        label=_("发布时间"), required=False, help_text=_("不填就是现在；不得早于审核通过的时间。")
    )

    @property
    def moment(self) -> dt.datetime:
        """Call only on a valid form."""
        asked: dt.datetime | None = self.cleaned_data["released_at"]
        return asked or timezone.now()
