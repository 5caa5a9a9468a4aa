from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectsConfig(AppConfig):
    name = "projects"
    verbose_name = _("重点项目")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lvyuan.imports.registry import register
        from projects.imports import LISTS, MEMBERS, PLACES, PROJECTS

        for kind in (PLACES, LISTS, MEMBERS, PROJECTS):
            register(kind)
