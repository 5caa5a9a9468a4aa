"""What pages ask about the data version: which models a topic has, and which of their moments still lie ahead.

A page keeps what it was computed from as the sum of its models' steps (lvyuan.audit.models.DataVersion). The sum grows
with every commit that changed one of them, whatever the order of commits: a smaller id that commits later counts too.
A transaction that is rolled back adds nothing. Time changes pages as well: a moment that passes is no write, so the
moments ahead are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from django.apps import apps
from django.db import connection
from django.db.models import Model

from lvyuan.audit.triggers import VERSION_TABLE, said_of


def models_about(topics: Collection[str]) -> list[type[Model]]:
    """The recorded models whose changes concern one of `topics`."""
    return [model for model in apps.get_models() if (said := said_of(model)) and said.topic in topics]


def _ahead(topics: Collection[str]) -> Iterator[str]:
    for model in models_about(topics):
        said = said_of(model)
        for name in said.moments if said else ():
            column = connection.ops.quote_name(model._meta.get_field(name).column)
            table = connection.ops.quote_name(model._meta.db_table)
            yield f"(SELECT count(*) FROM {table} WHERE {column} > %(now)s)"  # noqa: S608 - names of our models


@cache
def version_sql(topics: frozenset[str]) -> tuple[str, list[str]]:
    """An SQL expression for what the data of `topics` is at the moment `%(now)s`, and its `%(models)s`."""
    steps = f"(SELECT coalesce(sum(steps), 0) FROM {VERSION_TABLE} WHERE model = ANY(%(models)s))"  # noqa: S608
    # One after the other, not added up: one moment may pass while another comes into sight.
    sql = " || '.' || ".join(f"{part}::text" for part in (steps, *_ahead(topics)))
    return sql, [model._meta.label_lower for model in models_about(topics)]
