from __future__ import annotations

from typing import Any

from django import forms

from lvyuan.notices.models import Kind, Mailing


class ChoicesForm(forms.Form):
    """One choice for each kind of notice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in Kind:
            self.fields[kind.value] = forms.ChoiceField(label=kind.label, choices=Mailing.choices)
