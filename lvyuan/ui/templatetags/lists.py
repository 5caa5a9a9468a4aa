"""Tags of list templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def row_cells(row: Any) -> SafeString:
    """The cells of a row of a django-tables2 table, without a blank between them: a page has hundreds.

    Each carries its column's heading as data-label, for phones, and the attributes that its column declares; one with
    nothing to say is marked data-bare.
    """
    return format_html_join("", "<td{}{}>{}</td>", ((_attributes(c), _bare(c, cell), cell) for c, cell in row.items()))


def _attributes(column: Any) -> SafeString:
    declared = {"data-label": column.header, **column.column.attrs.get("td", {})}
    return format_html_join("", ' {}="{}"', declared.items())


def _bare(column: Any, cell: Any) -> SafeString:
    return SafeString(" data-bare" if cell == column._table.default else "")
