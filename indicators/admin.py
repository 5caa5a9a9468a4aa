from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from indicators import models
from lvyuan.ui.admin import AddOnlyAdmin, DefinitionAdmin, LookAdmin


@admin.register(models.Indicator)
class IndicatorAdmin(DefinitionAdmin):
    list_display = ["code", "name", "category", "calendar", "owner", "is_headline"]
    list_filter = ["category", "is_headline"]
    list_select_related = ["owner"]
    search_fields = ["code", "name"]


@admin.register(models.IndicatorVersion)
class IndicatorVersionAdmin(DefinitionAdmin):
    """A definition that figures refer to can only be ended: changing it would change what was approved."""

    list_display = ["indicator", "valid_from", "valid_to", "unit", "price_basis"]
    list_select_related = ["indicator"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None or not models.Vintage.objects.filter(version=obj).exists():
            return []
        return [field.name for field in obj._meta.fields if field.name not in ("id", "valid_to")]


@admin.register(models.Assignment)
class AssignmentAdmin(DefinitionAdmin):
    list_display = ["indicator", "department", "district", "valid_from", "valid_to", "is_assumed"]
    list_select_related = ["indicator", "department", "district"]


@admin.register(models.Target)
class TargetAdmin(AddOnlyAdmin):
    list_display = ["name", "version", "kind", "measure", "value", "unit", "period_end", "is_derived"]
    list_filter = ["kind"]


class CheckRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule as an admin edits it; the model's `clean` checks expression and parameters."""

    indicators = forms.MultipleChoiceField(
        label=models.CheckRule._meta.get_field("indicators").verbose_name,
        help_text=models.CheckRule._meta.get_field("indicators").help_text,
        required=False,
        choices=lambda: list(models.Indicator.objects.values_list("code", "name")),
    )

    class Meta:
        model = models.CheckRule
        fields = [field.name for field in models.CheckRule._meta.fields if field.editable and not field.primary_key]

    def clean_indicators(self) -> list[str] | None:
        """Nothing chosen means every indicator."""
        return self.cleaned_data["indicators"] or None


@admin.register(models.CheckRule)
class CheckRuleAdmin(DefinitionAdmin):
    form = CheckRuleForm
    list_display = ["code", "message", "kind", "severity", "valid_from", "valid_to", "is_active"]
    list_filter = ["severity", "is_active"]
    search_fields = ["code", "message"]


@admin.register(models.CheckExemption)
class CheckExemptionAdmin(DefinitionAdmin):
    """The approved list of 准强制性: reviewers add to it, on a page of their own; here it can only be ended."""

    list_display = ["rule_code", "indicator", "department", "valid_from", "valid_to", "approved_by", "approved_at"]
    list_select_related = ["indicator", "department", "approved_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in models.CheckExemption._meta.fields if field.name not in ("id", "valid_to")]


class RoundScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """When the rounds open, fall due and close; never for months that are over."""

    class Meta:
        model = models.RoundSchedule
        fields = [field.name for field in models.RoundSchedule._meta.fields if field.editable and not field.primary_key]

    def clean_valid_from(self) -> dt.date:
        """A schedule moved back would call for the past, overdue at once."""
        valid_from: dt.date = self.cleaned_data["valid_from"]
        if "valid_from" in self.changed_data and valid_from < timezone.localdate().replace(day=1):
            raise forms.ValidationError(
                gettext("不得早于本月：过去的月份不自动补开；确需补开的，请审核员在“填报”里新建任务。")
            )
        return valid_from


@admin.register(models.RoundSchedule)
class RoundScheduleAdmin(DefinitionAdmin):
    """A change holds for rounds that are not open yet; those that are keep their moments."""

    form = RoundScheduleForm
    list_display = ["district", "valid_from", "valid_to", "opens_after", "due_after", "closes_after", "hour"]
    list_select_related = ["district"]


@admin.register(models.Round)
class RoundAdmin(DefinitionAdmin):
    """Regular rounds are moved by reviewers, with a reason; here only backfills are kept."""

    list_display = ["month", "kind", "code", "opens_at", "due_at", "closes_at"]
    list_filter = ["kind"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None or obj.kind != models.Round.Kind.REGULAR:
            return []
        return [field.name for field in obj._meta.fields if field.name != "id"]


@admin.register(models.Observation)
class ObservationAdmin(LookAdmin):
    list_display = ["indicator", "district", "period_kind", "period_end"]
    list_select_related = ["indicator", "district"]


@admin.register(models.Vintage)
class VintageAdmin(LookAdmin):
    list_display = ["observation", "number", "value", "growth", "status", "known_from"]
    list_select_related = ["observation__indicator", "observation__district"]


for _definition in (
    models.Source,
    models.StrategyPlan,
    models.StrategyNode,
    models.IndicatorNode,
    models.RankPool,
    models.RankPoolMember,
):
    admin.site.register(_definition, DefinitionAdmin)
