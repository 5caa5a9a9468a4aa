from __future__ import annotations

from django.contrib import admin

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
    list_display = ["indicator", "valid_from", "valid_to", "unit", "price_basis"]
    list_select_related = ["indicator"]


@admin.register(models.Assignment)
class AssignmentAdmin(DefinitionAdmin):
    list_display = ["indicator", "department", "district", "valid_from", "valid_to", "is_assumed"]
    list_select_related = ["indicator", "department", "district"]


@admin.register(models.Target)
class TargetAdmin(AddOnlyAdmin):
    list_display = ["name", "version", "kind", "measure", "value", "unit", "period_end", "is_derived"]
    list_filter = ["kind"]


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
