"""Querysets whose SQL is made once and filled in each time.

Making the SQL of a wide queryset costs Django several times what PostgreSQL needs to answer it: on the cockpit that was
half of the whole page. A queryset that every page needs is therefore written as a function, with `Given` where a value
comes in:

    @prepared
    def _facts_of():
        return Vintage.objects.filter(pk__among=GivenList("keys", BigIntegerField())).values_list("pk", "value")

    lines = _facts_of(keys=[1, 2, 3])

The function is called once for each set of its own arguments, which say what the SQL looks like and never what it asks
for; all that is asked for is given by name. The rows come as tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, update_wrapper
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, ForeignKey, Lookup, Model, QuerySet
from django.db.models.expressions import Expression


class Given(Expression):
    """A value that is known when the query runs; `field` tells its type."""

    # Its type stands beside it: the server would guess from each value anew, and plan anew.
    template = "%s::{type}"

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:
        return self.template.format(type=self.output_field.db_type(connection)), [self]


class GivenList(Given):
    """Some values, for `filter(pk__among=GivenList("keys", …))`; one parameter however many they are."""

    template = "%s::{type}[]"


@ForeignKey.register_lookup  # which takes none of Field's
@Field.register_lookup
class Among(Lookup):  # type: ignore[type-arg]
    """One of an array's values, be it given (`GivenList`) or found by a subquery (`ArraySubquery`).

    Not `IN (SELECT …)`, which is a join: beside several others the server may leave it to the last and read all rows.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        (lhs, params), (rhs, more) = self.process_lhs(compiler, connection), self.process_rhs(compiler, connection)
        return f"{lhs} = ANY({rhs})", [*params, *more]


@dataclass(frozen=True, slots=True)
class _Made:
    sql: str
    params: tuple[Any, ...]
    converters: tuple[tuple[int, list[Any], Any], ...]


class Prepared:
    """A queryset that is made once for each set of `shape` and run with the values given."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self.build = build
        self._made = cache(self._make)
        update_wrapper(self, build)

    def __call__(self, *shape: Any, **given: Any) -> list[tuple[Any, ...]]:
        made = self._made(*shape)
        params = [given[one.name] if isinstance(one, Given) else one for one in made.params]
        with connection.cursor() as cursor:
            cursor.execute(made.sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        if not made.converters:
            return rows
        return [_converted(row, made.converters) for row in rows]

    def _make(self, *shape: Any) -> _Made:
        compiler = self.build(*shape).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select[: compiler.col_count]]
        found = compiler.get_converters(columns)
        return _Made(sql, tuple(params), tuple((place, *one) for place, one in found.items()))


def _converted(row: tuple[Any, ...], converters: tuple[tuple[int, list[Any], Any], ...]) -> tuple[Any, ...]:
    values = list(row)
    for place, functions, expression in converters:
        for function in functions:
            values[place] = function(values[place], expression, connection)
    return tuple(values)


def prepared(build: Callable[..., QuerySet[Any, Any]]) -> Prepared:
    """Decorates a function that returns a `values_list` queryset."""
    return Prepared(build)


M = TypeVar("M", bound=Model)


class Columns(Generic[M]):
    """All columns of a model, for `values_list(*columns.paths)`, and the model made of their values again."""

    def __init__(self, model: type[M], path: str = "") -> None:
        self.model = model
        self.names = tuple(field.attname for field in model._meta.concrete_fields)
        self.paths = tuple(f"{path}{name}" for name in self.names)

    def __len__(self) -> int:
        return len(self.names)

    def made(self, values: Sequence[Any]) -> M | None:
        """The model; None where an outer join found none."""
        return None if values[0] is None else self.model.from_db(DEFAULT_DB_ALIAS, self.names, values)
