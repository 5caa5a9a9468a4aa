from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "lvyuan.accounts"
    label = "accounts"
    verbose_name = _("账号与部门")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lvyuan.accounts.imports import DEPARTMENTS, DISTRICTS, USERS
        from lvyuan.imports.registry import register

        for kind in (DISTRICTS, DEPARTMENTS, USERS):
            register(kind)
