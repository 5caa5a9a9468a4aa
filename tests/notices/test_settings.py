"""Mail settings from the environment: right, or refused at the start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.serving import ROOT

SHOW = "from lvyuan import settings as s; print(s.MAIL_CONFIGURED, s.EMAIL_PORT, s.SITE_URL)"
BLANK = {f"EMAIL_{name}": "" for name in ("HOST", "PORT", "USER", "PASSWORD", "USE_TLS", "USE_SSL")}
SENDER = {"EMAIL_HOST": "mail.example", "DEFAULT_FROM_EMAIL": "kpi@example.gov.cn"}


def load(given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "SECRET_KEY")}
    env = kept | {"ALLOWED_HOSTS": "kpi.example.gov.cn,127.0.0.1"} | given
    return subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "False 25 https://kpi.example.gov.cn"),
        (BLANK | {"DEFAULT_FROM_EMAIL": "", "SITE_URL": ""}, "False 25 https://kpi.example.gov.cn"),
        (SENDER | {"EMAIL_USE_TLS": "1"}, "True 587 https://kpi.example.gov.cn"),
        (SENDER | {"EMAIL_USE_SSL": "1", "SITE_URL": "https://kpi.lyq/"}, "True 465 https://kpi.lyq"),
        (SENDER | {"EMAIL_PORT": "2525", "LOCAL_ACCOUNTS": "1", "PORT": "8080"}, "True 2525 http://127.0.0.1:8080"),
    ],
)
def test_what_the_environment_says(given, shown):
    assert load(given).stdout.strip() == shown


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"EMAIL_HOST": "mail.example"}, "DEFAULT_FROM_EMAIL must name the sender"),
        ({"SITE_URL": "kpi.example.gov.cn"}, "SITE_URL must be an http or https address"),
        (SENDER | {"EMAIL_USE_TLS": "1", "EMAIL_USE_SSL": "1"}, "exclude each other"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(given, complaint):
    assert complaint in load(given).stderr
