from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "lvyuan.audit"
    label = "audit"
    verbose_name = _("历史")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lvyuan.audit import checks  # noqa: F401 - registers the check
        from lvyuan.audit.rights import grant_rights

        post_migrate.connect(grant_rights, dispatch_uid="lvyuan.audit.grant_rights")
