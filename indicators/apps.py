from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IndicatorsConfig(AppConfig):
    name = "indicators"
    verbose_name = _("指标")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from indicators.imports import OBSERVATIONS
        from indicators.imports.definitions import ASSIGNMENTS, INDICATORS, PLANS, STRATEGY, TARGETS
        from lvyuan.imports.registry import register

        register(OBSERVATIONS)
        for kind in (INDICATORS, ASSIGNMENTS, TARGETS, PLANS, STRATEGY):
            register(kind)
