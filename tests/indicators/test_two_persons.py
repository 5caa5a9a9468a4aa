"""What takes connections of one's own: several people at the same instant, and the rights of the pages' role.

On a copy of the test database, gone afterwards.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections

from indicators import actions
from indicators.models import Submission, Transition, Vintage
from indicators.refusals import Refused
from lvyuan.accounts.models import User
from lvyuan.audit.rights import grant_rights
from tests.conftest import make_user
from tests.indicators.factories import month_end
from tests.serving import on_database


@pytest.fixture
def db(django_db_setup, django_db_blocker) -> Iterator[None]:
    """In place of the usual one, which rolls back: a copy of the test database, on which several connections work."""
    from tests.environment import OWNER_URL

    own, copy = connection.settings_dict["NAME"], f"lvyuan_copy_{secrets.token_hex(3)}"
    with django_db_blocker.unblock():
        connections.close_all()
        with psycopg.connect(on_database(OWNER_URL, "postgres"), autocommit=True) as owner:
            owner.execute(f"CREATE DATABASE {copy} TEMPLATE {own}")
            connection.settings_dict["NAME"] = copy
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.APP_ROLE])
                    if not cursor.fetchone():
                        cursor.execute(f"CREATE ROLE {settings.APP_ROLE} LOGIN")
                grant_rights()
                yield
            finally:
                connections.close_all()
                connection.settings_dict["NAME"] = own
                owner.execute(f"DROP DATABASE {copy}")  # waits for connections that are just closing


def race(*deeds: Callable[[], object]) -> list[str]:
    """What became of deeds done at the same instant, each on a connection of its own; sorted."""
    ready, told = threading.Barrier(len(deeds)), []

    def run(deed: Callable[[], object]) -> None:
        try:
            ready.wait(timeout=20)
            deed()
            told.append("done")
        except Refused as refused:
            told.append(type(refused).__name__)
        except BaseException as error:
            told.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return sorted(told)


@pytest.fixture
def reviewers(db) -> list[User]:
    return [make_user(f"t-race{number}", "reviewer") for number in range(4)]


def steps(form: Submission) -> list[tuple[str, str]]:
    return list(Transition.objects.filter(submission=form).values_list("from_state", "to_state"))


def test_one_of_four_approvals_wins(reviewers):
    (form,) = month_end(1, each=2)

    def approve(by: User) -> Callable[[], object]:
        return lambda: actions.approve(by=by, submission=form, row_version=form.row_version)

    assert race(*map(approve, reviewers)) == ["Conflict", "Conflict", "Conflict", "done"]
    assert steps(form) == [("submitted", "approved")]
    assert Vintage.objects.filter(entry__submission=form).count() == 2


def test_approval_and_return_exclude_each_other(reviewers):
    (form,) = month_end(1, each=1)
    approver, returner, *_ = reviewers
    told = race(
        lambda: actions.approve(by=approver, submission=form, row_version=form.row_version),
        lambda: actions.return_submission(by=returner, submission=form, row_version=form.row_version, reason="请核对"),
        lambda: actions.withdraw(by=form.submitted_by, submission=form, row_version=form.row_version),
    )
    assert told == ["Conflict", "Conflict", "done"]
    assert len(steps(form)) == 1


def test_two_bulk_approvals_share_the_forms_and_approve_each_once(reviewers):
    forms = month_end(6, each=2)
    seen = {form.pk: form.row_version for form in forms}
    done: list[actions.BulkApproval] = []

    def approve(by: User, order: list[int]) -> Callable[[], object]:
        return lambda: done.append(actions.approve_many(by=by, seen={pk: seen[pk] for pk in order}))

    told = race(approve(reviewers[0], list(seen)), approve(reviewers[1], list(seen)[::-1]))
    assert told == ["done", "done"]
    assert sorted(form.pk for one in done for form in one.approved) == sorted(seen)
    assert Vintage.objects.filter(entry__submission__in=forms).count() == 12


# Never one's own, whatever a program says: raw SQL with the rights of the pages' own role


def as_app(statement: str, *values: object) -> None:
    params = connection.get_connection_params()
    name = connection.settings_dict["NAME"]
    dsn = psycopg.conninfo.make_conninfo(dbname=name, user=settings.APP_ROLE, host=params.get("host"))
    with psycopg.connect(dsn) as app:
        app.execute(statement, values)


def test_database_refuses_to_review_ones_own_submission(reviewers):
    (form,) = month_end(1, each=1)
    approve = (
        "UPDATE indicators_submission SET state = 'approved', reviewed_by_id = %s, reviewed_at = now() WHERE id = %s"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="submission_two_persons"):
        as_app(approve, form.submitted_by_id, form.pk)
    as_app(approve, reviewers[0].pk, form.pk)
    with pytest.raises(psycopg.errors.CheckViolation, match="submission_two_persons"):
        as_app("UPDATE indicators_submission SET submitted_by_id = reviewed_by_id WHERE id = %s", form.pk)


COPY = (
    "INSERT INTO indicators_vintage (district_id, observation_id, number, version_id, value, comparator, unit, printed,"
    " null_reason, growth, growth_basis, text, status, source_id, locator, wording, period_wording, period_is_inferred,"
    " note, known_from, known_from_is_backfilled, entered_by_id, approved_by_id, entry_id, reason)"
    " SELECT district_id, observation_id, number + 1, version_id, value, comparator, unit, printed, null_reason,"
    " growth, growth_basis, text, status, source_id, locator, wording, period_wording, period_is_inferred, note,"
    " known_from, false, %s, %s, entry_id, '更正' FROM indicators_vintage WHERE id = %s"
)


@pytest.mark.parametrize(
    ("entered", "approved", "constraint"),
    [
        ("reviewer", "reviewer", "vintage_two_persons"),  # one person is both
        ("writer", "writer", "填报或提交过"),
        (None, "writer", "填报或提交过"),  # who wrote the entry, left unsaid
        ("reviewer", "writer", "填报或提交过"),  # or said to be somebody else
        ("writer", "submitter", "填报或提交过"),
        ("writer", None, "vintage_of_entry_has_people"),  # nobody approved
        ("writer", "reviewer", ""),
    ],
)
def test_database_refuses_vintages_approved_by_their_own_people(reviewers, entered, approved, constraint):
    (form,) = month_end(1, each=1)
    writer, reviewer, other, _ = reviewers
    form.entries.update(edited_by=writer)
    (vintage,) = actions.approve(by=other, submission=form, row_version=form.row_version)
    people = {"writer": writer.pk, "submitter": form.submitted_by_id, "reviewer": reviewer.pk, None: None}
    values = people[entered], people[approved], vintage.pk
    if not constraint:
        as_app(COPY, *values)
        return
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        as_app(COPY, *values)
