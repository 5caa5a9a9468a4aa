"""Triggers for `Meta.triggers`: `recorded()` writes history, `append_only()` refuses changes.

What is recorded also steps the data version of its model, by one trigger on the event table; each recorded model names
the topic that its changes concern (lvyuan/audit/version.py tells what pages do with it).

Statement-level triggers with transition tables see every write path alike: save(), update(),
bulk_create(), COPY and raw SQL, at one extra INSERT a statement. All tables share one event table
(docs/decisions.md tells why this and not one event table a model).
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.apps import apps
from django.db.models import Model

EVENT_TABLE = "audit_event"
VERSION_TABLE = "audit_dataversion"

# What a change is about. FIGURES is the default: a model that says nothing renews every read page.
FIGURES = "figures"  # approved figures, definitions, targets, strategy, projects, departments, people's names
REPORTING = "reporting"  # who has reported: rounds, forms, their steps and papers
INTERNAL = "internal"  # what no read page shows: drafts, checks, import jobs, notices
TOPICS = (FIGURES, REPORTING, INTERNAL)

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
    """Every recorded model has this one, so it carries what the model says of itself.

    `topic` is what its changes concern; `unseen` are fields whose change no page shows; `moments` are fields whose
    time, once passed, changes what pages of the topic show without any write.
    """

    def __init__(
        self,
        *,
        topic: str = FIGURES,
        unseen: tuple[str, ...] = (),
        moments: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        assert topic in TOPICS
        self.topic, self.unseen, self.moments = topic, unseen, moments
        super().__init__(**kwargs)

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


class StepVersion(pgtrigger.Trigger):
    """On the event table: adds a step for each model of which a statement changed what can be seen.

    The fold keeps the table small. Only the transaction that gets the lock folds, and none waits for it; without a
    fresh snapshot (REPEATABLE READ) it could meet rows that another fold has taken, so it leaves them to others.
    """

    level = pgtrigger.Statement
    when = pgtrigger.After
    operation = pgtrigger.Insert
    referencing = pgtrigger.Referencing(new="new_events")

    def get_func(self, model: Any) -> str:
        return f"""
            INSERT INTO {VERSION_TABLE} (model, steps)
            SELECT changed.model, 1 + floor(random() * 1000000000)::bigint
            FROM (SELECT DISTINCT model FROM new_events WHERE {self.is_seen()}) changed;
            IF random() < 0.02 AND current_setting('transaction_isolation') = 'read committed' THEN
                IF pg_try_advisory_xact_lock('{VERSION_TABLE}'::regclass::oid::bigint) THEN
                    WITH taken AS (DELETE FROM {VERSION_TABLE} RETURNING model, steps)
                    INSERT INTO {VERSION_TABLE} (model, steps) SELECT model, sum(steps) FROM taken GROUP BY model;
                END IF;
            END IF;
            RETURN NULL;
        """  # noqa: S608 - names of our models and columns

    def is_seen(self) -> str:
        """Whether an event changed more than its model's unseen columns."""
        cases = []
        for model in apps.get_models():
            said = said_of(model)
            if said and said.unseen:
                hidden = "".join(f" - '{model._meta.get_field(name).column}'" for name in said.unseen)
                cases.append(f"WHEN '{model._meta.label_lower}' THEN before{hidden} IS DISTINCT FROM after{hidden}")
        return f"CASE model {' '.join(cases)} ELSE true END"


def said_of(model: type[Model]) -> RecordInsert | None:
    """What a recorded model says of itself; None for others."""
    triggers = getattr(model._meta, "triggers", [])
    return next((trigger for trigger in triggers if isinstance(trigger, RecordInsert)), None)


def recorded(exclude: tuple[str, ...] = (), **said: Any) -> list[pgtrigger.Trigger]:
    """History for a domain table: one event per inserted, updated and deleted row; TRUNCATE refused.

    `said`: topic, unseen and moments of RecordInsert.
    """
    return [
        RecordInsert(name="record_insert", exclude=exclude, **said),
        RecordUpdate(name="record_update", exclude=exclude),
        RecordDelete(name="record_delete", exclude=exclude),
        Refuse(name="refuse_truncate", operation=pgtrigger.Truncate),
    ]


def append_only() -> list[pgtrigger.Trigger]:
    """For tables whose rows are never changed: UPDATE, DELETE and TRUNCATE are refused."""
    operation = pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate
    return [Refuse(name="refuse_change", operation=operation)]


def recorded_append_only(*, topic: str = FIGURES) -> list[pgtrigger.Trigger]:
    """Append-only rows whose insertion is an event too."""
    return [RecordInsert(name="record_insert", topic=topic), *append_only()]
