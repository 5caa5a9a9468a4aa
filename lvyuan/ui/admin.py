"""The admin site: where admins keep definitions. Figures and history can only be looked at there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.models import Role


class DefinitionsSite(admin.AdminSite):
    site_header = site_title = _("绿园区重点指标跟踪 · 定义维护")
    index_title = _("定义与账号")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.has_role(Role.ADMIN))


class LookAdmin(admin.ModelAdmin):
    """May be looked at, never changed here."""

    list_per_page = 50

    def _is_admin(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.has_role(Role.ADMIN))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_admin(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AddOnlyAdmin(LookAdmin):
    """May be added to: a change is a new row with its reason."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_admin(request)


class DefinitionAdmin(AddOnlyAdmin):
    """May be added and changed, and is never deleted: history would lose its object."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_admin(request)
