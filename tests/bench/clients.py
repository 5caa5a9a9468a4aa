"""Many clients at once, in a process of its own, so that they share no interpreter with what measures.

`python -m tests.bench.clients`, JSON in and out. One thread watches all connections (epoll), keeps them open, sends
questions that were made beforehand and reads of an answer only what it needs: where it ends and its status. What that
costs is reported, since the clients share the machine's processors with the server.

Each client asks once before the clock starts, so that every worker process has met the page, then again as soon as it
is answered. A rate counts the answers that were whole when time was up; the last question of each is still answered,
and its time counts among the others.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

from tests.bench.asking import Answer, connect, question


@dataclass
class Client:
    socket: socket.socket
    asked_at: float = 0.0
    received: int = 0
    head: bytes = b""
    answer: Answer | None = field(default=None)

    def ask(self, text: bytes) -> None:
        self.received, self.head, self.answer = 0, b"", None
        self.asked_at = time.perf_counter()
        self.socket.sendall(text)

    def read(self) -> Answer | None:
        """The answer, once all of it is here."""
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise RuntimeError("服务器关闭了连接")
        self.received += len(piece)
        if self.answer is None:
            self.head += piece
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.answer = Answer(self.head[:end])
            if self.answer.length < 0:
                raise RuntimeError("回答没有说明长度")
            self.received = len(self.head) - end - 4
        return self.answer if self.received >= self.answer.length else None


def main() -> None:
    asked = json.load(sys.stdin)
    clients = [Client(connect(asked["url"])) for _ in range(asked["clients"])]
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        plain = question(asked["url"], asked["path"], asked["cookie"])
        etag = ask_once(selector, clients, plain)
        text = question(asked["url"], asked["path"], asked["cookie"], etag) if asked["unchanged"] else plain
        if asked["unchanged"] and not etag:
            raise RuntimeError(f"{asked['path']} 没有 ETag")
        json.dump(
            ask_again(selector, clients, text, status=304 if asked["unchanged"] else 200, **asked["how"]), sys.stdout
        )


def ask_once(selector: selectors.BaseSelector, clients: list[Client], text: bytes) -> bytes:
    """Every client's first question; the ETag of the last answer."""
    for client in clients:
        client.ask(text)
    open_questions, etag = len(clients), b""
    while open_questions:
        for key, _ in selector.select(timeout=60):
            if answer := key.data.read():
                open_questions -= 1
                etag = answer.etag
                check(answer, 200)
    return etag


def ask_again(
    selector: selectors.BaseSelector, clients: list[Client], text: bytes, *, status: int, seconds: float
) -> dict[str, object]:
    latencies = []
    in_time = 0
    cpu, started = time.process_time(), time.perf_counter()
    for client in clients:
        client.ask(text)
    open_questions = len(clients)
    while open_questions:
        for key, _ in selector.select(timeout=60):
            client: Client = key.data
            answer = client.read()
            if answer is None:
                continue
            check(answer, status)
            now = time.perf_counter()
            latencies.append(now - client.asked_at)
            if now - started < seconds:
                in_time += 1
                client.ask(text)
            else:
                open_questions -= 1
    elapsed = time.perf_counter() - started
    return {"rate": in_time / seconds, "latencies": latencies, "cpu": (time.process_time() - cpu) / elapsed}


def check(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"应为 {status}，得到 {answer.status}")


if __name__ == "__main__":
    main()
