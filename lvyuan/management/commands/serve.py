"""`manage.py serve`: the whole application on this machine, from an empty folder to a page."""

import argparse
import ctypes
import hashlib
import http.client
import ipaddress
import math
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connection

_OPTIONS = (
    *("--interface=wsgi", "--no-ws", "--http=1", "--log-level=warning"),
    *("--workers=2", "--blocking-threads=4", "--respawn-failed-workers", "--workers-kill-timeout=2"),
)
_PREPARING = 2201061  # key of the advisory lock; any number that nothing else locks will do
_PR_SET_PDEATHSIG = 1
_PORT_PATIENCE = 4  # seconds for a server that was just told to stop
_START_PATIENCE = 60
_STOP_PATIENCE = 15
_LOOK_AGAIN, _WORKER_PAUSE = 1, 5  # seconds: between two looks at our children; before a dead worker is replaced


class Command(BaseCommand):
    """Prepare the database, the fixtures, the local accounts and the static files, then serve until told to stop."""

    help = "迁移数据库、载入基础数据、准备本地账号和静态文件，然后在本机提供服务（Ctrl-C 停止）"
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1", help="监听地址，默认 127.0.0.1")
        parser.add_argument(
            "--port",
            default=os.environ.get("PORT") or "8000",
            help="端口，默认 8000（环境变量 PORT）",
        )
        parser.add_argument("--demo", action="store_true", help="同时载入演示数据")
        parser.add_argument("--stop-with-parent", action="store_true", help="父进程（make）被强行结束时一并停止")

    def handle(self, *, host: str, port: str, demo: bool, stop_with_parent: bool, **options: object) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP; raises CommandError when refusing or when the server died."""
        if stop_with_parent:
            _die_with_parent()
        if settings.LOCAL_ACCOUNTS and not _is_loopback(host):
            raise CommandError(
                f"拒绝启动：启用了本地账号（LOCAL_ACCOUNTS=1），只能监听本机回环地址，不能监听 {host}。",
                returncode=2,
            )
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, _leave)
        with _reserved_port(host, port) as number:
            self._prepare(demo=demo)
            self._serve(host, number)

    def _prepare(self, *, demo: bool) -> None:
        # Two starts at once take turns here: neither migrate nor collectstatic is made for company. The lock is the
        # connection's, and ends with it below; it may wait for longer than a page may.
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
        # these two need the owner's role, which manage.py gives to a process of their own
        self._manage("migrate", "--noinput", "--verbosity=0")
        self._manage("load_fixtures", "--skip-checks", *(["--demo"] if demo else []))
        if settings.LOCAL_ACCOUNTS:
            call_command("local_accounts", stdout=self.stdout)
        self._collect_static()
        connection.close()
        connection.close_pool()

    def _collect_static(self) -> None:
        """Run collectstatic when a source file changed since the last time: compressing everything takes seconds."""
        files = sorted(
            (path, storage.path(path)) for finder in get_finders() for path, storage in finder.list(ignore_patterns=[])
        )
        facts = [(name, source, os.stat(source).st_mtime_ns, os.stat(source).st_size) for name, source in files]
        digest = hashlib.sha256(repr((facts, settings.STORAGES["staticfiles"])).encode()).hexdigest()
        stamp = Path(settings.STATIC_ROOT).with_suffix(".stamp")
        if Path(settings.STATIC_ROOT).is_dir() and stamp.exists() and stamp.read_text() == digest:
            return
        stamp.unlink(missing_ok=True)
        # a process of its own: Ctrl-C can end it, while its threads would be waited for here
        self._manage("collectstatic", "--noinput", "--verbosity=0", "--skip-checks")
        stamp.write_text(digest)

    def _manage(self, *arguments: str) -> None:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        if subprocess.run(command, start_new_session=True, check=False).returncode:
            raise CommandError(f"{arguments[0]} 没有成功，服务未启动。", returncode=1)

    def _serve(self, host: str, port: int) -> None:
        granian = ("lvyuan.server", "lvyuan.wsgi:application", f"--host={host}", f"--port={port}", *_OPTIONS)
        server = _child("-m", *granian)
        worker = None
        try:
            _wait_until_ready(server, host, port)
            self.stdout.write(f"服务已启动：http://{_in_url(host)}:{port}/ （Ctrl-C 停止）")
            self.stdout.flush()
            start_worker_at = 0.0 if os.environ.get("WORKER") != "0" else math.inf
            while server.poll() is None:
                if worker and worker.poll() is not None:
                    self.stderr.write(f"后台任务进程意外退出（{worker.returncode}），{_WORKER_PAUSE} 秒后重新启动。")
                    worker, start_worker_at = None, time.monotonic() + _WORKER_PAUSE
                if worker is None and time.monotonic() >= start_worker_at:
                    worker = _child("manage.py", "worker")
                time.sleep(_LOOK_AGAIN)
            raise CommandError(f"应用服务器意外退出（{server.returncode}）。", returncode=1)
        finally:
            _stop(*filter(None, (server, worker)))


def _child(*arguments: str) -> subprocess.Popen:
    """A Python process in a session of its own: Ctrl-C reaches only us, and we end it in order.

    It dies with us, even on kill -9.
    """
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=settings.BASE_DIR, start_new_session=True, preexec_fn=_die_with_parent
    )


def _leave(number: int, _frame: object) -> None:
    """Says which signal came, for whoever finds the server gone, and unwinds everything in order."""
    os.write(sys.stderr.fileno(), f"收到 {signal.Signals(number).name}，正在停止……\n".encode())
    sys.exit(0)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _reserved_port(host: str, port: str):
    """Yields the port's number, kept from any other `serve` meanwhile; raises CommandError when it is taken.

    The server shares its port between workers (SO_REUSEPORT), so it would silently share it with a second server too.
    Our own bound, never listening socket prevents that: it is set to share only after it was bound alone.
    """
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise CommandError(f"端口必须是 1 到 65535 的整数：{port}", returncode=2)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CommandError(f"无法识别监听地址：{host}", returncode=2) from error
    with socket.socket(family, kind, protocol) as guard:
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the last run may linger
        deadline = time.monotonic() + _PORT_PATIENCE
        while True:
            try:
                guard.bind(address)
                break
            except PermissionError as error:
                raise CommandError(f"无权使用端口 {port}，请用 PORT 指定 1024 以上的端口。", returncode=1) from error
            except OSError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"端口 {port} 已被占用（或地址 {host} 不可用）：请停止占用它的程序，或换一个端口，例如 "
                        f"PORT={int(port) % 60000 + 1} make run",
                        returncode=1,
                    ) from error
                time.sleep(0.1)
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield int(port)


def _wait_until_ready(server: subprocess.Popen, host: str, port: int) -> None:
    """Return once a page is answered; raises CommandError when the server ended or stays silent."""
    deadline = time.monotonic() + _START_PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        probe = http.client.HTTPConnection(host, port, timeout=5)
        with suppress(OSError, http.client.HTTPException):
            probe.request("GET", "/healthz")
            status = probe.getresponse().status
            if status >= 500:
                raise CommandError(f"应用服务器已启动，但健康检查失败（HTTP {status}）。", returncode=1)
            return
        probe.close()
        time.sleep(0.05)
    raise CommandError(f"应用服务器没有启动成功（{server.poll()}）。", returncode=1)


def _stop(*children: subprocess.Popen) -> None:
    """End our children and whatever is left of theirs; a second Ctrl-C does not interrupt this."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _STOP_PATIENCE
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _die_with_parent() -> None:
    """Receive SIGTERM when the parent process dies, however it dies. Linux only; elsewhere nothing happens."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
