from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import json_script

from lvyuan.ui.charts import CompactEncoder

register = template.Library()


@register.filter
def chart_json(figure: dict[str, Any], element_id: str) -> str:
    """The figure as the JSON script that charts.js reads."""
    return json_script(figure, element_id, encoder=CompactEncoder)
