"""Signed posts to webhooks."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from urllib.parse import urlsplit

PATIENCE = 10  # seconds, for everything together
_CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


class PostError(Exception):
    """The post did not arrive; the text is for admins."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=…`: HMAC-SHA256 of "timestamp.body", in hexadecimal."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def post(url: str, body: bytes, headers: Mapping[str, str], *, patience: float = PATIENCE) -> None:
    """Posts `body`; raises PostError unless the answer is a 2xx.

    No redirect is followed, and nothing of the answer is read but its head. Whoever answers too slowly is hung up on.
    """
    try:
        status = _status(url, body, headers, patience)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PostError(f"无法送达：{error or type(error).__name__}") from error
    if not 200 <= status < 300:
        raise PostError(f"对方返回 HTTP {status}" + ("（不跟随跳转）" if 300 <= status < 400 else ""))


def _status(url: str, body: bytes, headers: Mapping[str, str], patience: float) -> int:
    address = urlsplit(url)
    if address.scheme not in _CONNECTIONS or not address.hostname:
        raise ValueError("地址须是 http 或 https")
    path = address._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connection = _CONNECTIONS[address.scheme](address.hostname, address.port, timeout=patience)
    with closing(connection):
        connection.connect()
        # A socket's own time limit starts anew with every byte.
        late = threading.Event()
        hang_up = threading.Timer(patience, _hang_up, [connection.sock, late])
        hang_up.start()
        try:
            connection.request("POST", path, body, dict(headers))
            status = connection.getresponse().status
        finally:
            hang_up.cancel()
        if late.is_set():  # half a line was read as a whole one
            raise TimeoutError("对方应答太慢")
        return status


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
