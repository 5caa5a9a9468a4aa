from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

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
    models.Round,
):
    admin.site.register(_definition, DefinitionAdmin)
