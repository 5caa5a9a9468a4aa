"""The embedded server with real processes: races, kill -9, refusals. Every server here lives in a temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from lvyuan import embedded

ROOT = Path(__file__).resolve().parent.parent

# Uses the server of the folder in argv[1], says so, and stays until its input ends.
USER = """
import os, pathlib, sys
from lvyuan import embedded
environ = {"LVYUAN_PG_FAST": "1"}
embedded.ensure(environ, pathlib.Path(sys.argv[1]))
print(environ["DATABASE_URL"], environ["DATABASE_OWNER_URL"], environ["SECRET_KEY"], flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def wait_until_ready(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def finish(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode

    def end_by(self, sign: int) -> int:
        self.process.send_signal(sign)
        return self.finish()


@pytest.fixture
def folder() -> Iterator[Path]:
    # not tmp_path: its long name would leave no room for the socket, and its parents are closed to other accounts
    home = Path(tempfile.mkdtemp(prefix="lv-"))
    home.chmod(0o755)
    yield home / "data"
    for process in servers(home):
        process.kill()
    shutil.rmtree(home)


def servers(folder: Path) -> list[psutil.Process]:
    """Living postgres processes that were started on a cluster below the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(
                a.startswith(f"{folder}/") and a.endswith("/pg-fast") for a in process.cmdline()
            ):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def environment(**values: str) -> dict[str, str]:
    """This process's environment without what would point a command at another database or account."""
    dropped = ("DATABASE_URL", "DATABASE_OWNER_URL", "SECRET_KEY", "LOCAL_ACCOUNTS", "HOST", "PORT", "DATA_DIR")
    return {key: value for key, value in os.environ.items() if key not in dropped} | values


def test_two_starts_at_the_same_instant_share_one_server(folder: Path) -> None:
    first, second = User(folder), User(folder)
    urls = first.wait_until_ready()
    assert urls == second.wait_until_ready()  # the same database, and the same secret key
    assert len(servers(folder)) == 1

    with closing(psycopg.connect(urls[0])) as connection:
        name, version = connection.execute("SELECT current_user, current_setting('server_version_num')::int").fetchone()
        assert (name, version // 10000) == ("lvyuan_app", embedded.PG_MAJOR)
    with closing(psycopg.connect(urls[1])) as connection:
        powers = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname IN ('lvyuan_app', %s)"
        assert set(connection.execute(powers, ["lvyuan_owner"])) == {(False, False, False), (False, False, True)}

    assert first.finish() == 0
    assert len(servers(folder)) == 1  # the second still uses it
    assert second.finish() == 0
    assert servers(folder) == []
    assert list((folder / "run-fast").iterdir()) == []  # no socket, no lock


def test_after_kill_9_a_new_start_works_and_its_clean_exit_stops_the_server(folder: Path) -> None:
    killed = User(folder)
    killed.wait_until_ready()
    killed.end_by(signal.SIGKILL)
    assert len(servers(folder)) == 1  # nobody was left to stop it

    again = User(folder)
    url = again.wait_until_ready()[0]
    with closing(psycopg.connect(url)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert again.finish() == 0
    assert servers(folder) == []


def test_after_kill_9_of_the_server_too_a_new_start_works(folder: Path) -> None:
    killed = User(folder)
    killed.wait_until_ready()
    servers(folder)[0].kill()
    killed.end_by(signal.SIGKILL)
    # since then the server's process id went to somebody else, here to us
    pid_file = folder / "pg-fast" / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *pid_file.read_text().split("\n")[1:]]))

    again = User(folder)
    assert again.wait_until_ready()
    assert again.finish() == 0
    assert servers(folder) == []


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_the_server(folder: Path, sign: signal.Signals) -> None:
    user = User(folder)
    user.wait_until_ready()
    assert user.end_by(sign) != 0
    assert servers(folder) == []


def test_too_long_a_path_is_refused_before_anything_is_made(folder: Path) -> None:
    deep = folder / ("很长的目录名" * 6)
    with pytest.raises(embedded.EmbeddedError, match="数据目录路径太长"):
        embedded.ensure({}, deep)
    assert not folder.exists()


def test_a_path_with_blanks_capitals_and_chinese_connects(folder: Path) -> None:
    from environ import Env

    user = User(folder / "My 数据")
    url = user.wait_until_ready()[0]
    assert Env.db_url_config(url)["OPTIONS"]["host"] == str(folder / "My 数据" / "run-fast")
    with closing(psycopg.connect(url)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    done = subprocess.run([embedded.psql_path(), url, "-Atc", "SELECT 2"], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
    user.finish()


def test_a_given_database_is_left_alone(folder: Path) -> None:
    environ = {"DATABASE_URL": "postgres://elsewhere/db"}
    embedded.ensure(environ, folder)
    assert environ == {"DATABASE_URL": "postgres://elsewhere/db"}
    assert not folder.exists()


def test_the_secret_key_is_made_once_and_closed_to_others(folder: Path) -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    embedded.ensure_secret_key(first, folder)
    embedded.ensure_secret_key(second, folder)
    assert first == second
    assert len(first["SECRET_KEY"]) >= 50
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def serve(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """`manage.py serve`, which must end by itself before it touches the database."""
    values = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "SECRET_KEY": "x" * 60} | values
    return subprocess.run(
        [sys.executable, "manage.py", "serve", *arguments],
        cwd=ROOT,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "kpi.example"])  # noqa: S104
def test_local_accounts_are_served_on_loopback_only(host: str) -> None:
    done = serve("--host", host, LOCAL_ACCOUNTS="1")
    assert done.returncode == 2
    assert "只能监听本机回环地址" in done.stderr


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = time.monotonic()
        done = serve(LOCAL_ACCOUNTS="1", PORT=str(port))
    assert done.returncode == 1
    assert f"端口 {port} 已被占用" in done.stderr
    assert time.monotonic() - started < 15


def test_compose_pins_the_embedded_major() -> None:
    image = re.search(r"image: postgres:(\d+)", (ROOT / "docker-compose.yml").read_text())
    assert image
    assert int(image[1]) == embedded.PG_MAJOR
