"""Columns and table defaults shared by every list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_tables2.data import TableData, TableListData
from django_tables2.utils import Accessor

from lvyuan.ui.export import asked_format
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


class QueryRows(TableData):
    """Rows of one page at a time: the query counts, sorts and pages, `build` makes rows of what stands on the page.

    Each column's `order_by` are keys of the query; ties keep the model's own order, the unknown comes last both ways.
    """

    def __init__(self, found: QuerySet[Any], build: Callable[[QuerySet[Any]], list[Any]]) -> None:
        super().__init__(found)
        self.build = build

    @cached_property
    def _count(self) -> int:
        return int(self.data.count())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, page: slice) -> list[Any]:
        return self.build(self.data[page])

    def __iter__(self) -> Any:
        return iter(self.build(self.data))

    def order_by(self, aliases: Any) -> None:
        keys = []
        for alias in aliases:
            for name in self.table.columns[alias.bare].column.order_by:
                keys.append(F(name).desc(nulls_last=True) if alias.is_descending else F(name).asc(nulls_last=True))
        self.data = self.data.order_by(*keys, *self.data.model._meta.ordering)


class BaseTable(tables.Table):
    """Rows are frozen dataclasses; sorted and paged by the request, `PER_PAGE` to a page."""

    PER_PAGE = 50
    caption = ""

    def __init__(
        self, rows: Iterable[Any] | QueryRows, *, request: HttpRequest, known_at: datetime | None = None
    ) -> None:
        self.known_at = known_at
        data = rows if isinstance(rows, QueryRows) else RowData(rows)
        # No address changes the page size: the field's name is one that no query can hold.
        super().__init__(data, per_page_field="\0", attrs={"class": "table"}, empty_text=_("没有符合条件的内容。"))
        paginate = False if asked_format(request) else {"per_page": self.PER_PAGE}  # a file has all rows
        tables.RequestConfig(request, paginate=paginate).configure(self)


class FigureColumn(tables.Column):
    """A figure with its link and address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"td": {"class": "number"}, "th": {"class": "number"}})
        super().__init__(*args, **kwargs)

    def render(self, value: Any, table: BaseTable) -> Any:
        return figure_html(value, known_at=table.known_at)
