from django.apps import AppConfig


class CockpitConfig(AppConfig):
    name = "lvyuan.cockpit"
    label = "cockpit"
