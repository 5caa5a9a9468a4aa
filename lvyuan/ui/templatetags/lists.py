"""Tags of list templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def table_rows(table: Any) -> SafeString:
    """The rows of a page of a django-tables2 table, without a blank between the cells: a page has hundreds.

    Each cell carries its column's heading as data-label, for phones, and the attributes that its column declares; one
    with nothing to say is marked data-bare.
    """
    starts = {column.name: _start(column) for column in table.columns}
    return format_html_join(
        "\n", "<tr>{}</tr>", ((_cells(row, starts, table.default),) for row in table.paginated_rows)
    )


def _cells(row: Any, starts: dict[str, SafeString], nothing: str) -> SafeString:
    cells = (
        (starts[column.name], SafeString(" data-bare" if cell == nothing else ""), cell) for column, cell in row.items()
    )
    return format_html_join("", "{}{}>{}</td>", cells)


def _start(column: Any) -> SafeString:
    """A cell up to its last attribute, the same in each row."""
    declared = {"data-label": column.header, **column.column.attrs.get("td", {})}
    return format_html("<td{}", format_html_join("", ' {}="{}"', declared.items()))
