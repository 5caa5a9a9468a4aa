"""The approved list of 准强制性 checks, as reviewers keep it."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from indicators import actions
from indicators.exports import exemptions_book
from indicators.models import CheckExemption, CheckRule, Indicator
from indicators.refusals import Refused
from lvyuan.accounts.models import Department, Role
from lvyuan.ui.export import exportable, page_or_file
from lvyuan.ui.http import require_role


def _rules() -> list[tuple[str, str]]:
    return list(dict(CheckRule.objects.quasi().values_list("code", "message")).items())


class ExemptionForm(forms.Form):
    """Which rule, for whom, for which periods, and why; empty means all of them."""

    rule_code = forms.ChoiceField(label=_("准强制性核查"), choices=_rules)
    department = forms.ModelChoiceField(
        Department.objects.none(), label=_("填报单位"), required=False, empty_label=_("全部单位")
    )
    indicator = forms.ModelChoiceField(
        Indicator.objects.all(), label=_("指标"), required=False, empty_label=_("全部指标")
    )
    valid_from = forms.DateField(label=_("起"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    valid_to = forms.DateField(
        label=_("止"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("报告期最后一天在起止之间的才算例外；不填为长期。"),
    )
    reason = forms.CharField(label=_("理由"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        own = Department.objects.filter(district__code=settings.HOME_DISTRICT)
        self.fields["department"].queryset = own  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.REVIEWER, Role.AUDITOR)
@exportable
def exemption_list(request: HttpRequest) -> HttpResponseBase:
    """GET shows the list; POST adds to it, for reviewers."""
    form = ExemptionForm(request.POST if request.method == "POST" else None)
    error, status = "", 200
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        try:
            actions.exempt(by=request.user, **form.cleaned_data)
        except Refused as refused:
            error, status = str(refused), 409
        else:
            messages.success(request, gettext("已列入例外名单。填报单位在“说明”里写明原因后即可提交。"))
            return redirect("indicators:exemption-list")
    listed = CheckExemption.objects.select_related("indicator", "department", "approved_by").order_by("-pk")
    names = dict(CheckRule.objects.values_list("code", "message"))
    today = timezone.localdate()
    rows = [
        {"exemption": one, "rule": names.get(one.rule_code, one.rule_code), "is_in_force": one.is_in_force(today)}
        for one in listed
    ]
    shown = {"rows": rows, "form": form if request.user.has_role(Role.REVIEWER) else None, "error": error}
    return page_or_file(
        request, "indicators/exemption_list.html", shown, book=lambda: exemptions_book(rows), status=status
    )
