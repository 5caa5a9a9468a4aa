"""Columns and table defaults shared by every list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.http import HttpRequest
from django.utils.translation import gettext
from django_tables2.data import TableListData
from django_tables2.utils import Accessor

from lvyuan.ui.templatetags.figures import figure_html


class RowData(TableListData):
    """A list of rows, sorted with the unknown last whichever way people sort."""

    def __init__(self, rows: Iterable[Any]) -> None:
        super().__init__(list(rows))

    def order_by(self, aliases: Any) -> None:
        for alias in reversed(aliases):
            column = self.table.columns[alias.bare]
            accessor = Accessor(column.column.order_by[0] if column.column.order_by else column.accessor)
            known = [row for row in self.data if accessor.resolve(row, quiet=True) is not None]
            unknown = [row for row in self.data if accessor.resolve(row, quiet=True) is None]
            known.sort(key=accessor.resolve, reverse=alias.is_descending)
            self.data = known + unknown


class BaseTable(tables.Table):
    """Rows are frozen dataclasses; sorted and paged by the request, `PER_PAGE` to a page."""

    PER_PAGE = 200
    caption = ""

    def __init__(self, rows: Iterable[Any], *, request: HttpRequest, known_at: datetime | None = None) -> None:
        self.known_at = known_at
        # No address changes the page size: the field's name is one that no query can hold.
        super().__init__(
            RowData(rows), per_page_field="\0", attrs={"class": "table"}, empty_text=gettext("没有符合条件的内容。")
        )
        tables.RequestConfig(request, paginate={"per_page": self.PER_PAGE}).configure(self)


class FigureColumn(tables.Column):
    """A figure with its link and address, sorted by its number."""

    def __init__(self, *args: Any, accessor: str, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"td": {"class": "number"}, "th": {"class": "number"}})
        super().__init__(*args, accessor=accessor, order_by=f"{accessor}__value", **kwargs)

    def render(self, value: Any, table: BaseTable) -> Any:
        return figure_html(value, known_at=table.known_at)
