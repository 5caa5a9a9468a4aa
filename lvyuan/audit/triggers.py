"""Triggers for `Meta.triggers`: `recorded()` writes history, `append_only()` refuses changes.

Statement-level triggers with transition tables see every write path alike: save(), update(),
bulk_create(), COPY and raw SQL, at one extra INSERT a statement. All tables share one event table
(docs/decisions.md tells why this and not one event table a model).
"""

from __future__ import annotations

from typing import Any

import pgtrigger

EVENT_TABLE = "audit_event"

_COLUMNS = (
    "at, transaction_id, operation, model, object_pk, before, after, "
    "actor_id, actor, reason, request_id, origin, db_user, application_name"
)
# Who acted is told by lvyuan.audit.context in one setting; without it the write came from outside.
_CONTEXT = """
    clock_timestamp(), pg_current_xact_id()::text::bigint, '{operation}', '{model}', {pk}, {before}, {after},
    (ctx->>'actor_id')::bigint, coalesce(ctx->>'actor', ''), coalesce(ctx->>'reason', ''),
    coalesce(ctx->>'request_id', ''), coalesce(ctx->>'origin', '库外修改'), session_user,
    current_setting('application_name')
"""


class _Record(pgtrigger.Trigger):
    """Writes one audit event per changed row."""

    level = pgtrigger.Statement
    when = pgtrigger.After
    declare = [("ctx", "jsonb")]

    def __init__(self, *, exclude: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.exclude = exclude
        super().__init__(**kwargs)

    def row(self, alias: str) -> str:
        hidden = "".join(f" - '{column}'" for column in self.exclude)
        return f"(to_jsonb({alias}){hidden})"

    def get_func(self, model: Any) -> str:
        pk = model._meta.pk.column
        operation, before, after, pk_sql, source = self.parts(pk)
        values = _CONTEXT.format(
            operation=operation,
            model=model._meta.label_lower,
            pk=pk_sql,
            before=before,
            after=after,
        )
        return f"""
            ctx := nullif(current_setting('lvyuan.context', true), '')::jsonb;
            INSERT INTO {EVENT_TABLE} ({_COLUMNS}) SELECT {values} {source};
            RETURN NULL;
        """

    def parts(self, pk: str) -> tuple[str, str, str, str, str]:
        raise NotImplementedError  # pragma: no cover - the three below answer


class RecordInsert(_Record):
    operation = pgtrigger.Insert
    referencing = pgtrigger.Referencing(new="new_rows")

    def parts(self, pk: str) -> tuple[str, str, str, str, str]:
        return "insert", "NULL", self.row("n"), f'n."{pk}"::text', "FROM new_rows n"


class RecordUpdate(_Record):
    """A changed primary key shows as a row that ended and one that began."""

    operation = pgtrigger.Update
    referencing = pgtrigger.Referencing(old="old_rows", new="new_rows")

    def parts(self, pk: str) -> tuple[str, str, str, str, str]:
        old, new = (f'CASE WHEN {a}."{pk}" IS NOT NULL THEN {self.row(a)} END' for a in "on")
        # A save that changed nothing is no event; a changed secret is one, though its text is hidden.
        source = (
            f'FROM old_rows o FULL JOIN new_rows n ON o."{pk}" = n."{pk}" '
            "WHERE to_jsonb(o) IS DISTINCT FROM to_jsonb(n)"
        )
        return "update", old, new, f'coalesce(n."{pk}", o."{pk}")::text', source


class RecordDelete(_Record):
    operation = pgtrigger.Delete
    referencing = pgtrigger.Referencing(old="old_rows")

    def parts(self, pk: str) -> tuple[str, str, str, str, str]:
        return "delete", self.row("o"), "NULL", f'o."{pk}"::text', "FROM old_rows o"


class Refuse(pgtrigger.Trigger):
    """Raises for the given operation, whoever asks."""

    level = pgtrigger.Statement
    when = pgtrigger.Before

    def get_func(self, model: Any) -> str:
        return (
            "RAISE EXCEPTION '% 只能新增，不能修改、删除或清空。', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';"
        )


def recorded(exclude: tuple[str, ...] = ()) -> list[pgtrigger.Trigger]:
    """History for a domain table: one event per inserted, updated and deleted row; TRUNCATE refused."""
    return [
        RecordInsert(name="record_insert", exclude=exclude),
        RecordUpdate(name="record_update", exclude=exclude),
        RecordDelete(name="record_delete", exclude=exclude),
        Refuse(name="refuse_truncate", operation=pgtrigger.Truncate),
    ]


def append_only() -> list[pgtrigger.Trigger]:
    """For tables whose rows are never changed: UPDATE, DELETE and TRUNCATE are refused."""
    operation = pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate
    return [Refuse(name="refuse_change", operation=operation)]


def recorded_append_only() -> list[pgtrigger.Trigger]:
    """Append-only rows whose insertion is an event too."""
    return [RecordInsert(name="record_insert"), *append_only()]
