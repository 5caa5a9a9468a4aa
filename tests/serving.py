"""The real thing, for browser tests, measurements and screenshots: a server on a database of its own, and a browser.

The server is `manage.py serve`, as `make run` starts it: migrated, loaded with the article, signed into with
the local accounts, connected as the pages' own role.
"""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "lvyuan-local"
WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
# Said by tests.environment for the Django of the tests' own process; a server decides these by itself.
NOT_FOR_SERVERS = ("DATABASE_PATIENT", "HTTPS", "ALLOWED_HOSTS")
START_PATIENCE, DEMO_PATIENCE, STOP_PATIENCE = 120, 300, 20  # seconds; the demo loads 14 000 figures


@dataclass(frozen=True)
class App:
    """A running server; `environment` is what it was started with, for a second server on the same data."""

    url: str
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]


@contextmanager
def served(**env: str) -> Iterator[App]:
    """`manage.py serve` on a scratch database and data folder, both gone afterwards; `env` adds to its environment."""
    with scratch_database() as urls, scratch_folder() as data, serving({**urls, "DATA_DIR": data, **env}) as app:
        yield app


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lvyuan-", ignore_cleanup_errors=True)


@contextmanager
def scratch_database(*, like: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """A database on the tests' server, as DATABASE_URL and DATABASE_OWNER_URL; dropped afterwards.

    Empty, or a copy of one that nobody is connected to.
    """
    from tests.environment import APP_URL, OWNER_URL

    name = f"lvyuan_scratch_{os.getpid()}_{secrets.token_hex(3)}"
    model = f"TEMPLATE {conninfo_to_dict(like['DATABASE_URL'])['dbname']}" if like else ""
    with psycopg.connect(OWNER_URL, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name} {model}")
    try:
        yield {"DATABASE_URL": on_database(APP_URL, name), "DATABASE_OWNER_URL": on_database(OWNER_URL, name)}
    finally:
        with psycopg.connect(OWNER_URL, autocommit=True) as owner:
            drop_database(owner, name)


def drop_database(owner: psycopg.Connection, name: str) -> None:
    """Drops it once the processes that used it have gone: the owner may end its own connections, not the pages'."""
    for left in reversed(range(100)):
        try:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        except psycopg.errors.InsufficientPrivilege:
            if not left:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def serving(env: Mapping[str, str]) -> Iterator[App]:
    """`manage.py serve` with `env` added to ours, from the moment it answers until the end of the block.

    With DEMO=1 among `env` also with the demo data.
    """
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_SERVERS}
    # Without the worker, unless asked for: pages are what is looked at.
    given = {"LOCAL_ACCOUNTS": "1", "LOCAL_PASSWORD": PASSWORD, "PORT": str(port), "WORKER": "0"}
    environment = {**kept, **given, **env}
    command = [sys.executable, "manage.py", "serve", "--stop-with-parent"]
    command += ["--demo"] if env.get("DEMO") == "1" else []
    with running(command, environment, port) as process:
        yield App(f"http://127.0.0.1:{port}", process, environment)


@contextmanager
def running(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server process in the project's folder; raises with its last words when it does not come to answer."""
    with tempfile.NamedTemporaryFile(prefix="lvyuan-", suffix=".log") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            patience = DEMO_PATIENCE if "--demo" in command else START_PATIENCE
            _wait_until_healthy(port, process, Path(log.name), patience)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path, patience: int) -> None:
    deadline = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"服务没有启动：\n{log.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_database(url: str, name: str) -> str:
    """The same server and role, another database."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{'?' + query if query else ''}"


def browser_path() -> str | None:
    return os.environ.get("BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, driven by playwright."""
    path = browser_path()
    assert path, "没有找到浏览器：请安装 chromium、fonts-noto-cjk 和 libatomic1，或用 BROWSER 指定"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


def sign_in(page: Page, app: App, username: str) -> None:
    """Through the sign-in page, as a person would; ends on that person's start page."""
    page.goto(f"{app.url}/accounts/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
