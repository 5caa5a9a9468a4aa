"""Asking for pages over kept connections: one client here, many in a process of their own.

By hand, for http.client would spend as long on reading an answer's headers as a server on a small answer.
"""

from __future__ import annotations

import socket
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager


def question(url: str, path: str, cookie: str = "", etag: bytes = b"") -> bytes:
    """A GET as it goes over the wire; with an ETag it asks for the page only if that has changed."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {urllib.parse.urlsplit(url).netloc}"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    return "\r\n".join(lines).encode() + (b"\r\nIf-None-Match: " + etag if etag else b"") + b"\r\n\r\n"


class Answer:
    """The head of an answer: status, bytes of the body that follows (none after a 304), ETag."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        self.status = int(first.split(b" ", 2)[1])
        self.length = -1
        self.etag = b""
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self.length = int(value)
            elif name.lower() == b"etag":
                self.etag = value.strip()
        if self.status == 304:
            self.length = 0


def connect(url: str) -> socket.socket:
    where = urllib.parse.urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), timeout=180)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Connection:
    """One kept connection that asks for one page over and over."""

    def __init__(self, url: str, path: str, cookie: str = "") -> None:
        self.url, self.path, self.cookie = url, path, cookie
        self.socket = connect(url)
        self.answers = self.socket.makefile("rb")
        self.etag = b""

    def get(self) -> float:
        """Seconds from the question to the answer's last byte; raises unless it is a whole 200."""
        return self._ask(question(self.url, self.path, self.cookie), status=200)

    def get_unchanged(self) -> float:
        """The same with the ETag of the answer before; raises unless the server says that nothing has changed."""
        assert self.etag, f"{self.path} has no ETag"
        return self._ask(question(self.url, self.path, self.cookie, self.etag), status=304)

    def _ask(self, asked: bytes, *, status: int) -> float:
        started = time.perf_counter()
        self.socket.sendall(asked)
        head = b"".join(iter(self.answers.readline, b"\r\n"))
        answer = Answer(head)
        if answer.status != status or answer.length < 0 or len(self.answers.read(answer.length)) != answer.length:
            raise RuntimeError(f"{self.path}：应为 {status}，得到 {head.splitlines()[0].decode()}")
        seconds = time.perf_counter() - started
        self.etag = answer.etag
        return seconds

    def close(self) -> None:
        self.answers.close()
        self.socket.close()


@contextmanager
def visiting(url: str, path: str, cookie: str = "") -> Iterator[Connection]:
    with closing(Connection(url, path, cookie)) as connection:
        yield connection
