"""The data version grows with every commit that changed what can be seen, in whatever order, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import update_last_login
from django.db import connection, transaction
from django.utils import timezone

from indicators import actions
from indicators.cells import Cell
from indicators.models import Round
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import DataVersion
from lvyuan.audit.rights import recorded_models
from lvyuan.audit.triggers import FIGURES, INTERNAL, REPORTING, said_of
from lvyuan.audit.version import models_about, version_sql
from tests.audit.test_history import app_dsn, app_role, department  # noqa: F401 - app_role is a fixture
from tests.indicators.test_actions import approve, save

pytestmark = pytest.mark.django_db

# Whoever adds a model here says why no page of approved figures need be renewed for it.
NOT_FIGURES = {
    # who has reported, as the cockpit and provenance tell
    "indicators.round": REPORTING,
    "indicators.submission": REPORTING,
    "indicators.transition": REPORTING,
    "indicators.evidence": REPORTING,
    # drafts, and what only forms, reviewers and the board show; those pages are never kept
    "indicators.entry": INTERNAL,
    "indicators.returnedcell": INTERNAL,
    "indicators.chase": INTERNAL,
    "indicators.lockexception": INTERNAL,
    "indicators.roundschedule": INTERNAL,
    "indicators.checkrule": INTERNAL,
    "indicators.checkexemption": INTERNAL,
    "imports.importjob": INTERNAL,
    "imports.savedmapping": INTERNAL,
    # unread notices are counted for each person; the rest stands on pages that are never kept
    "notices.notice": INTERNAL,
    "notices.noticechoice": INTERNAL,
    "notices.webhook": INTERNAL,
    "notices.delivery": INTERNAL,
}


def version(*topics: str, through: psycopg.Connection | None = None) -> int:
    """The steps of the topics, without the moments ahead."""
    sql, models = version_sql(frozenset(topics or (FIGURES,)))
    given = {"models": models, "now": timezone.now()}
    if through is not None:
        found = through.execute(f"SELECT {sql}", given).fetchone()
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {sql}", given)
            found = cursor.fetchone()
    return int(found[0].partition(".")[0])


def test_every_model_says_what_it_is_about_and_figures_is_what_is_said_by_none():
    assert {model._meta.label_lower: said_of(model).topic for model in recorded_models()} == {
        model._meta.label_lower: NOT_FIGURES.get(model._meta.label_lower, FIGURES) for model in recorded_models()
    }
    assert set(NOT_FIGURES) <= {model._meta.label_lower for model in recorded_models()}
    assert len(models_about((FIGURES, REPORTING, INTERNAL))) == len(recorded_models())


def test_unseen_fields_and_moments_are_these():
    said = {model._meta.label_lower: said_of(model) for model in recorded_models()}
    assert {name: one.unseen for name, one in said.items() if one.unseen} == {
        "accounts.user": ("last_login",),
        "indicators.submission": ("row_version",),
    }
    assert {name: one.moments for name, one in said.items() if one.moments} == {
        "indicators.round": ("opens_at", "due_at", "closes_at"),
        "projects.projectlist": ("known_from",),
        "projects.listmembership": ("known_from",),
        "projects.stageevent": ("known_from",),
    }


def raw(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def copy() -> None:
    district = District.objects.get(code="220106")
    columns = 'code, name, short_name, district_id, is_assumed, "order", head, statistics_head, phone, needs_sign_off'
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY accounts_department ({columns}) FROM STDIN") as rows,
    ):
        rows.write_row(("copied", "复制局", "复制", district.pk, False, 0, "", "", "", False))


WRITES = {
    "save": lambda: department("saved").save(),
    "bulk_create": lambda: Department.objects.bulk_create([department("one"), department("two")]),
    "update": lambda: Department.objects.filter(code="tjj").update(name="改名局"),
    "raw": lambda: raw("UPDATE accounts_department SET name = 'raw' WHERE code = 'tjj'"),
    "delete": lambda: raw("DELETE FROM accounts_district WHERE id IN (SELECT max(id) FROM accounts_district)"),
    "copy": copy,
}


@pytest.mark.parametrize("path", WRITES)
def test_every_way_of_writing_steps(path):
    if path == "delete":
        District.objects.create(code="229999", name="试验区", short_name="试验")
    before = version(FIGURES)
    WRITES[path]()
    assert version(FIGURES) > before


def test_what_changed_nothing_or_was_rolled_back_steps_nothing():
    before = version()
    Department.objects.get(code="tjj").save()
    Department.objects.filter(code="nowhere").update(name="x")
    assert version() == before
    with transaction.atomic():
        Department.objects.filter(code="tjj").update(name="改名局")
        assert version() > before
        transaction.set_rollback(True)
    assert version() == before


def test_a_savepoint_rolled_back_takes_only_its_own_step():
    before = version()
    with transaction.atomic():
        Department.objects.filter(code="tjj").update(name="外层")
        outer = version()
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - the block rolls back
            Department.objects.filter(code="gxj").update(name="内层")
            raise ZeroDivisionError
    assert version() == outer > before
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - the block rolls back
        Department.objects.filter(code="gxj").update(name="先内层")
        raise ZeroDivisionError
    Department.objects.filter(code="gxj").update(name="后外层")
    assert version() > outer


def test_a_step_is_of_random_length():
    found = set()
    for number in range(8):
        before = version()
        Department.objects.filter(code="tjj").update(name=f"第{number}次")
        found.add(version() - before)
    assert len(found) > 1


def test_signing_in_and_a_new_password_are_not_seen_a_new_name_is(cast):
    before = version()
    update_last_login(None, cast.leader)
    cast.leader.set_password("another-long-secret")
    cast.leader.save(update_fields=["password"])
    assert version() == before
    cast.leader.name = "改名"
    cast.leader.save(update_fields=["name"])
    assert version() > before


def test_a_draft_is_not_seen_handing_in_is_and_approval_renews_the_figures(cast):
    july = Round.objects.get(code="2023-07")
    submission = save(cast.staff, july)
    figures, reporting = version(FIGURES), version(REPORTING)
    typed = [Cell(indicator="industrial_output", field="note", text="又改了说明", seen="平稳")]
    submission, (cell,) = actions.save_cells(
        by=cast.staff, code=july.code, department=cast.staff.department, cells=typed
    )
    assert (cell.outcome, submission.row_version) == ("saved", 2)
    assert (version(FIGURES), version(REPORTING)) == (figures, reporting)
    actions.submit(by=cast.staff, submission=submission)
    assert version(REPORTING) > reporting
    assert version(FIGURES) == figures
    approve(cast.reviewer, submission)
    assert version(FIGURES) > figures


def test_the_table_stays_small_and_the_version_grows_with_each_step():
    """Folding is a matter of chance; with this seed it comes several times in 300 steps."""
    raw("SELECT setseed(0.25)")
    seen = [version()]
    for number in range(300):
        Department.objects.filter(code="tjj").update(name=f"第{number}次")
        seen.append(version())
    assert seen == sorted(set(seen))
    assert DataVersion.objects.count() < 250 + len(apps.get_models())
    assert DataVersion.objects.filter(model="accounts.department").count() < 250


# Real transactions of the tables' owner and of the pages' role, beside the test's own


@pytest.fixture
def connect() -> Iterator:
    """`connect()`: another connection, whose writer waits for no lock longer than a second."""
    opened: list[psycopg.Connection] = []

    def one(*, autocommit: bool = False) -> psycopg.Connection:
        made = psycopg.connect(
            app_dsn(connection.settings_dict["USER"]), options="-c lock_timeout=1s", autocommit=autocommit
        )
        opened.append(made)
        return made

    yield one
    for made in opened:
        made.close()


def touch(through: psycopg.Connection, code: str) -> None:
    """Changes a department's order and back: the row is as before, and both are events."""
    for step in (1, -1):
        through.execute('UPDATE accounts_department SET "order" = "order" + %s WHERE code = %s', [step, code])


def test_transactions_that_commit_in_the_reverse_order_both_count(connect):
    """What max(id) gets wrong: the smaller id becomes visible after the larger one."""
    first, second, reader = connect(), connect(), connect(autocommit=True)
    before = version(through=reader)
    touch(first, "tjj")
    touch(second, "gxj")
    assert version(through=reader) == before
    second.commit()
    between = version(through=reader)
    first.commit()
    assert before < between < version(through=reader)


def test_a_rolled_back_transaction_and_a_broken_connection_count_nothing(connect):
    first, second, reader = connect(), connect(), connect(autocommit=True)
    before = version(through=reader)
    touch(first, "tjj")
    first.rollback()
    touch(second, "gxj")
    second.close()
    assert version(through=reader) == before


def test_writers_wait_neither_for_each_other_nor_for_a_fold_and_no_step_is_lost(connect):
    folding, other, reader = connect(), connect(autocommit=True), connect(autocommit=True)
    before = version(through=reader)
    for each in (folding, other):
        each.execute("SELECT setseed(0.25)")
    for _ in range(150):
        touch(folding, "tjj")
    held = reader.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchone()
    assert held[0] >= 1  # the first has folded and not committed
    for _ in range(150):
        touch(other, "gxj")
    assert version(through=reader) > before
    promised = version(through=folding)
    folding.commit()
    assert version(through=reader) == promised
    touch(other, "gxj")
    assert version(through=reader) > promised


def test_a_transaction_with_an_old_snapshot_steps_too(connect):
    writer, other, reader = connect(), connect(autocommit=True), connect(autocommit=True)
    writer.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    writer.execute("SELECT setseed(0.25)")
    other.execute("SELECT setseed(0.25)")
    for _ in range(150):
        touch(other, "gxj")  # folds rows that the older snapshot still sees
    before = version(through=reader)
    for _ in range(150):
        touch(writer, "tjj")
    writer.commit()
    assert version(through=reader) > before


def test_the_pages_role_steps_through_the_history_only(app_role, connect):  # noqa: F811 - the fixture
    reader = connect(autocommit=True)
    before = version(through=reader)
    with psycopg.connect(app_dsn(app_role)) as app:
        for statement in (
            "INSERT INTO audit_dataversion (model, steps) VALUES ('x', 1)",
            "UPDATE audit_dataversion SET steps = 0",
            "DELETE FROM audit_dataversion",
            "TRUNCATE audit_dataversion",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)
            app.rollback()
        app.execute("SELECT set_config('pgtrigger.ignore', (SELECT array_agg(tgname)::text FROM pg_trigger), true)")
        app.execute("SELECT setseed(0.25)")
        for _ in range(60):
            touch(app, "tjj")
        app.commit()
        after = version(through=app)
    assert after == version(through=reader) > before
