from __future__ import annotations

from django.contrib import admin

from lvyuan.ui.admin import DefinitionAdmin, LookAdmin
from projects import models


@admin.register(models.KeyProject)
class KeyProjectAdmin(LookAdmin):
    list_display = ["code", "name", "kind", "department", "is_placeholder"]
    list_select_related = ["department"]


for _definition in (models.Place, models.ProjectList):
    admin.site.register(_definition, DefinitionAdmin)
