"""A mail server for tests: a real socket, a real conversation, and what came in."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps accepted mails. `refuse` gives the answer to a RCPT, `before_accepting` runs ahead of the final 250."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[EmailMessage] = []
        self.refuse: Callable[[str], str] = lambda recipient: ""
        self.before_accepting: Callable[[], None] = lambda: None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def mails_to(self, recipient: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == recipient]


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 tests")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.say("250 tests")
            elif verb == b"RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
                self.say(self.server.refuse(address) or "250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take()
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append((line.removeprefix(b".") if line.startswith(b"..") else line).replace(b"\r\n", b"\n"))
        self.server.before_accepting()
        self.server.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
        self.say("250 accepted")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()
