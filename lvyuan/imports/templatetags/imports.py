"""Tags of the import pages."""

from __future__ import annotations

from typing import Any

from django import template

from lvyuan.imports.models import RowStatus

register = template.Library()


@register.filter
def status_label(status: str) -> Any:
    """What a row's status is called, as on the tabs."""
    return RowStatus(status).label


@register.simple_tag(takes_context=True)
def page_link(context: dict[str, Any], parameter: str, number: int) -> str:
    """The page's query string with that page of one of its lists."""
    query = context["request"].GET.copy()
    query[parameter] = str(number)
    return f"?{query.urlencode()}"
