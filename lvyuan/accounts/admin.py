from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from lvyuan.accounts.models import Department, District, User
from lvyuan.ui.admin import DefinitionAdmin


@admin.register(District)
class DistrictAdmin(DefinitionAdmin):
    list_display = ["code", "name", "level", "parent"]
    list_select_related = ["parent"]


@admin.register(Department)
class DepartmentAdmin(DefinitionAdmin):
    list_display = ["short_name", "name", "district", "is_assumed"]
    list_select_related = ["district"]


@admin.register(User)
class UserAdmin(DefinitionAdmin, DjangoUserAdmin):
    list_display = ["username", "name", "role", "department", "is_active"]
    list_filter = ["role", "is_active"]
    list_select_related = ["department"]
    search_fields = ["username", "name"]
    filter_horizontal = ()
    fieldsets = [(None, {"fields": ["username", "password", "name", "role", "department", "is_active"]})]
    add_fieldsets = [
        (None, {"fields": ["username", "name", "role", "department", "usable_password", "password1", "password2"]})
    ]
