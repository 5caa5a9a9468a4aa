"""What the app's database role may do: everything but rewrite history."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.models import Model

from lvyuan.audit.triggers import EVENT_TABLE, VERSION_TABLE, Refuse, said_of

# pgtrigger lets anybody name triggers to skip in a setting. The owner may (tests do); the app's role may not.
# A function's text takes no parameters, so the role travels in a setting and is quoted by format().
NO_IGNORING = """
DO $do$
BEGIN
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean AS $$
            SELECT session_user <> %L AND trigger_name::text = ANY(
                coalesce(nullif(current_setting('pgtrigger.ignore', true), ''), '{}')::text[]
            )
        $$ LANGUAGE sql
    $sql$, current_setting('lvyuan.app_role'));
END
$do$
"""


def recorded_models() -> list[type[Model]]:
    """Models whose writes the history records."""
    return [model for model in apps.get_models() if said_of(model)]


def append_only_tables() -> list[str]:
    """Tables whose models refuse UPDATE by trigger."""
    return [
        model._meta.db_table
        for model in apps.get_models()
        if any(isinstance(t, Refuse) and t.name == "refuse_change" for t in getattr(model._meta, "triggers", []))
    ]


def grant_rights(using: str = "default", **kwargs: Any) -> None:
    """Lets APP_ROLE read and write all tables, but only add to append-only ones; runs after each migrate.

    History triggers run with their owner's rights, so that the app's role needs none on the event table.
    Does nothing when the role does not exist or is the migrating role itself.
    """
    role = settings.APP_ROLE
    if kwargs.get("app_config") is not None and kwargs["app_config"].label != "audit":
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolname <> current_user", [role])
        if not cursor.fetchone():
            return
        quoted = connection.ops.quote_name(role)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
        for table in append_only_tables():
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {connection.ops.quote_name(table)} FROM {quoted}")
        cursor.execute(f"REVOKE INSERT ON {EVENT_TABLE} FROM {quoted}")
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON {VERSION_TABLE} FROM {quoted}")
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {quoted}")
        cursor.execute(
            "SELECT oid::regprocedure FROM pg_proc"
            " WHERE proname LIKE 'pgtrigger_record_%' AND pronamespace = 'public'::regnamespace AND NOT prosecdef"
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")
            # Firing a trigger needs no right on its function; hanging it on a table of one's own does.
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        database = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
        cursor.execute("SELECT set_config('lvyuan.app_role', %s, false)", [role])
        cursor.execute(NO_IGNORING)
