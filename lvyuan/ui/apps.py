from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class UiConfig(AppConfig):
    name = "lvyuan.ui"
    label = "ui"


class DefinitionsAdminConfig(AdminConfig):
    """Makes `admin.site` the site for keeping definitions."""

    default = False
    default_site = "lvyuan.ui.admin.DefinitionsSite"
