from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

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


PLACE = ("role", "department", "is_department_head")


@admin.register(User)
class UserAdmin(DefinitionAdmin, DjangoUserAdmin):
    list_display = ["username", "name", "role", "department", "is_active"]
    list_filter = ["role", "is_active"]
    list_select_related = ["department"]
    search_fields = ["username", "name"]
    filter_horizontal = ()
    fieldsets = [(None, {"fields": ["username", "password", "name", "email", *PLACE, "is_active"]})]

    # Nobody gives a role to themselves: 等保 keeps administrators, reviewers and auditors apart.
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*PLACE, "is_active"] if obj == request.user else []

    add_fieldsets = [
        (None, {"fields": ["username", "name", "email", *PLACE]}),
        (None, {"fields": ["usable_password", "password1", "password2"]}),
    ]
