from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from projects.rows import STATE_LABELS, Portfolio, ProjectRow


class ProjectFilterForm(forms.Form):
    """Narrows the rows of a portfolio; rates above the list always count the whole list."""

    q = forms.CharField(label=_("搜索"), required=False, max_length=60, widget=forms.SearchInput())
    state = forms.ChoiceField(
        label=_("状态"),
        required=False,
        choices=[("", _("全部状态")), *((state.value, _(label)) for state, label in STATE_LABELS.items())],
    )

    def narrow(self, portfolio: Portfolio) -> list[ProjectRow]:
        """The rows that match; all of them when the form is empty or does not make sense."""
        if not self.is_valid():
            return list(portfolio.projects)
        text, state = self.cleaned_data["q"], self.cleaned_data["state"]
        return [
            row
            for row in portfolio.projects
            if (not state or row.state == state) and (not text or text in row.project.name or text == str(row.number))
        ]
