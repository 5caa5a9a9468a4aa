"""Loaded before the settings (`-p tests.environment`): where tests run, and on which database.

Without DATABASE_URL that is the embedded server's test cluster. Tests own their tables; what the pages'
role may do is tested with connections of that role.
"""

from __future__ import annotations

import os
import tempfile

from lvyuan import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lvyuan.settings")
os.environ.setdefault("LVYUAN_PG_FAST", "1")
embedded.ensure()
# Kept for tests that start the app itself, with the rights it has outside tests. Processes of one run inherit it.
APP_URL = os.environ.setdefault("DATABASE_APP_URL", os.environ["DATABASE_URL"])
OWNER_URL = os.environ.setdefault("DATABASE_OWNER_URL", APP_URL)
os.environ |= {
    "DATABASE_URL": OWNER_URL,
    "DATABASE_PATIENT": "1",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "HTTPS": "0",
    "DATA_DIR": tempfile.mkdtemp(prefix="lvyuan-test-"),
}
for name in ("LOCAL_ACCOUNTS", "EMAIL_HOST", "SITE_URL"):
    os.environ.pop(name, None)
os.makedirs(os.path.join(os.environ["DATA_DIR"], "static"))
