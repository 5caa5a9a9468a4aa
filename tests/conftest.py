"""The cast, the article's figures, and helpers every test may use.

The test database is migrated and loaded with the article once; each test rolls back.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command

from lvyuan.accounts.models import Department, Role, User

PASSWORD = "correct-horse-battery"
HOME = "220106"
BROWSER_TESTS = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come first and stay with one process: they share a server, and take the longest together.

    `make test` runs two processes; the other has the rest meanwhile, with a test database of its own.
    """
    of_browser = [item for item in items if BROWSER_TESTS in item.path.parents]
    for item in of_browser:
        item.add_marker(pytest.mark.xdist_group("browser"))
    items[:] = [*of_browser, *(item for item in items if BROWSER_TESTS not in item.path.parents)]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        call_command("load_fixtures", verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def _remove_data_dir():
    yield
    shutil.rmtree(os.environ["DATA_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _plain_test_settings(settings):
    """Static files without a manifest, password hashes that cost nothing, and no page kept from another test."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.CACHES = settings.CACHES | {"pages": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def make_user(username: str, role: str, department: str | None = None) -> User:
    return User.objects.create_user(
        username,
        password=PASSWORD,
        role=role,
        name=username.title(),
        department=Department.objects.get(code=department) if department else None,
    )


@pytest.fixture
def cast(db) -> SimpleNamespace:
    """One person of each role: staff of 工信局, staff2 of 商务局, and the others."""
    return SimpleNamespace(
        staff=make_user("t-staff", Role.STAFF, "gxj"),
        staff2=make_user("t-staff2", Role.STAFF, "swj"),
        reviewer=make_user("t-reviewer", Role.REVIEWER),
        reviewer2=make_user("t-reviewer2", Role.REVIEWER),
        leader=make_user("t-leader", Role.LEADER),
        admin=make_user("t-admin", Role.ADMIN),
        auditor=make_user("t-auditor", Role.AUDITOR),
    )


@pytest.fixture
def signed_in(client, cast):
    """`signed_in("leader")`: a client with that person's session."""

    def sign_in(name: str):
        client.force_login(getattr(cast, name), backend="lvyuan.accounts.backends.AccountBackend")
        return client

    return sign_in
