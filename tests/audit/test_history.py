"""Every write is an event, whatever path it took; vintages and events never change."""

from __future__ import annotations

import subprocess

import psycopg
import pytest
from django.conf import settings
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError

from indicators.models import Observation, StagedFigure, Target, Vintage
from lvyuan import embedded
from lvyuan.accounts.models import Department, District
from lvyuan.audit.context import acting
from lvyuan.audit.models import DataVersion, Event
from lvyuan.audit.rights import append_only_tables, grant_rights
from lvyuan.imports.models import ImportProblem, StagedRecord

pytestmark = pytest.mark.django_db


def last_event(instance) -> Event:
    return Event.objects.about(instance).first()


def department(code: str) -> Department:
    return Department(code=code, name=f"{code}局", short_name=code, district=District.objects.get(code="220106"))


def test_queryset_update_leaves_the_old_value():
    target = Target.objects.get(code="gdp-2025")
    Target.objects.filter(pk=target.pk).update(name="改过的名称")
    event = last_event(target)
    assert event.operation == "update"
    assert event.before["name"] == target.name
    assert event.after["name"] == "改过的名称"
    assert event.changes == [("name", target.name, "改过的名称")]


def test_write_outside_a_request_names_session_and_program():
    one = department("outside")
    one.save()
    event = last_event(one)
    assert event.origin == "库外修改"
    assert event.db_user == connection.settings_dict["USER"]
    assert event.application_name == "lvyuan"
    assert event.actor == ""


def test_write_by_a_person_says_who_why_and_in_which_request(cast):
    one = department("inside")
    with acting(by=cast.admin, reason="试验", request_id="r-1", origin="POST /x/"):
        one.save()
    event = last_event(one)
    assert (event.actor_id, event.reason, event.request_id, event.origin) == (cast.admin.pk, "试验", "r-1", "POST /x/")
    assert cast.admin.username in event.actor
    another = department("after")
    another.save()
    assert last_event(another).actor == ""


def test_bulk_create_bulk_update_raw_sql_and_delete_are_recorded():
    Department.objects.bulk_create([department("bulk1"), department("bulk2")])
    first, second = Department.objects.filter(code__startswith="bulk").order_by("code")
    assert last_event(first).operation == last_event(second).operation == "insert"
    first.name = second.name = "同名"
    Department.objects.bulk_update([first, second], ["name"])
    assert last_event(second).after["name"] == "同名"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_department SET short_name = 'raw' WHERE id = %s", [first.pk])
    assert last_event(first).after["short_name"] == "raw"
    Department.objects.filter(pk=second.pk)._raw_delete(using="default")
    assert last_event(second).operation == "delete"
    assert last_event(second).before["code"] == "bulk2"


def test_copy_is_recorded():
    district = District.objects.get(code="220106")
    with (
        connection.cursor() as cursor,
        cursor.copy(
            'COPY accounts_department (code, name, short_name, district_id, is_assumed, "order",'
            " head, statistics_head, phone, needs_sign_off) FROM STDIN"
        ) as copy,
    ):
        copy.write_row(("copied", "复制局", "复制", district.pk, False, 0, "", "", "", False))
    assert last_event(Department.objects.get(code="copied")).after["name"] == "复制局"


def test_save_without_a_change_is_no_event():
    one = Department.objects.get(code="tjj")
    before = Event.objects.count()
    one.save()
    assert Event.objects.count() == before


def test_password_never_enters_the_history(cast):
    cast.leader.set_password("another-long-secret")
    cast.leader.save(update_fields=["password"])
    event = last_event(cast.leader)
    assert event.operation == "update"
    assert "password" not in event.after
    assert "password" not in event.before


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", ["indicators_vintage", "audit_event", "indicators_rank", "indicators_transition"])
def test_owner_cannot_change_append_only_tables_by_accident(statement, table):
    with (
        pytest.raises((InternalError, IntegrityError), match="只能新增"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))


def test_vintage_cannot_be_saved_again():
    vintage = Vintage.objects.first()
    vintage.note = "改写"
    with pytest.raises(IntegrityError, match="只能新增"), transaction.atomic():
        vintage.save()
    with pytest.raises(IntegrityError, match="只能新增"), transaction.atomic():
        Vintage.objects.filter(pk=vintage.pk)._raw_delete(using="default")


def test_domain_tables_cannot_be_truncated():
    with pytest.raises(IntegrityError, match="只能新增"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_district CASCADE")


def test_vintage_that_says_nothing_is_refused():
    template = Vintage.objects.select_related("observation").first()
    empty = Vintage(
        observation=template.observation,
        number=99,
        version=template.version,
        source=template.source,
        known_from=template.known_from,
        reason="空",
    )
    with pytest.raises(IntegrityError, match="至少要有一项"), transaction.atomic():  # noqa: PT012 - deferred
        empty.save()
        connection.check_constraints()


@pytest.fixture
def app_role(django_db_setup, django_db_blocker):
    """The role the pages connect as, with its rights in the test database."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.APP_ROLE])
        if not cursor.fetchone():
            cursor.execute(f"CREATE ROLE {settings.APP_ROLE} LOGIN")
        grant_rights()
    return settings.APP_ROLE


def app_dsn(role: str) -> str:
    params = connection.get_connection_params()
    return psycopg.conninfo.make_conninfo(dbname=connection.settings_dict["NAME"], user=role, host=params.get("host"))


@pytest.mark.parametrize("table", ["indicators_vintage", "audit_event"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_app_role_in_psql_has_no_right_to_change_history(app_role, table, statement):
    done = subprocess.run(
        [embedded.psql_path(), app_dsn(app_role), "-v", "ON_ERROR_STOP=1", "-c", statement.format(table)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "permission denied" in done.stderr


def test_app_role_writes_history_only_through_triggers(app_role):
    with psycopg.connect(app_dsn(app_role)) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("INSERT INTO audit_event (operation) VALUES ('insert')")
        app.rollback()
        app.execute("UPDATE accounts_department SET name = 'x' WHERE code = 'tjj'")
        event = app.execute("SELECT db_user, after->>'name' FROM audit_event ORDER BY id DESC LIMIT 1").fetchone()
        app.rollback()
    assert event == (app_role, "x")


def test_app_role_cannot_switch_the_triggers_off(app_role):
    with psycopg.connect(app_dsn(app_role)) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("ALTER TABLE indicators_vintage DISABLE TRIGGER ALL")
        app.rollback()


def test_append_only_tables_are_these():
    assert set(append_only_tables()) == {
        "audit_event",
        "indicators_vintage",
        "indicators_rank",
        "indicators_printedcomparison",
        "indicators_release",
        "indicators_lightresult",
        "indicators_lightruleversion",
        "indicators_remark",
        "indicators_transition",
        "indicators_returnedcell",
        "indicators_chase",
    }


def test_every_domain_table_is_recorded():
    from django.apps import apps

    from lvyuan.audit.rights import recorded_models

    ours = {m for m in apps.get_models() if m.__module__.startswith(("lvyuan.", "indicators.", "projects."))}
    passing = {StagedRecord, StagedFigure, ImportProblem}  # what a file would write: it comes and goes with its job
    assert ours - set(recorded_models()) == {Event, DataVersion} | passing
    assert Observation in recorded_models()


def test_app_role_cannot_have_triggers_ignored(app_role):
    everything = "SELECT set_config('pgtrigger.ignore', (SELECT array_agg(tgname)::text FROM pg_trigger), true)"
    with psycopg.connect(app_dsn(app_role)) as app:
        app.execute(everything)
        app.execute("UPDATE accounts_department SET name = 'y' WHERE code = 'tjj'")
        event = app.execute("SELECT after->>'name' FROM audit_event ORDER BY id DESC LIMIT 1").fetchone()
        app.rollback()
    assert event == ("y",)


def test_app_role_cannot_hang_history_triggers_on_tables_of_its_own(app_role):
    with psycopg.connect(app_dsn(app_role)) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TEMP TABLE t (id int)")
        app.rollback()
        rights = app.execute(
            "SELECT bool_or(has_function_privilege(oid, 'execute')) FROM pg_proc"
            " WHERE proname LIKE 'pgtrigger_record_%'"
        ).fetchone()
    assert rights == (False,)


def test_nothing_is_added_to_a_vintage_later(app_role):
    statement = (
        "INSERT INTO indicators_rank (vintage_id, pool_id, by, place, pool_size, wording)"
        " SELECT v.id, p.id, 'other', 1, 5, '' FROM indicators_vintage v, indicators_rankpool p LIMIT 1"
    )
    with psycopg.connect(app_dsn(app_role)) as app:
        with pytest.raises(psycopg.errors.RestrictViolation, match="另立版本"):
            app.execute(statement)
        app.rollback()


def test_another_major_version_is_warned_about(db, monkeypatch):
    from lvyuan.audit import checks

    assert checks.same_major_version(databases=["default"]) == []
    monkeypatch.setattr(checks, "PG_MAJOR", 99)
    (warning,) = checks.same_major_version(databases=["default"])
    assert "PostgreSQL 99" in warning.msg
