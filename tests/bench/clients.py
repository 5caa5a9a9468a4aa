"""Many clients at once, in a process of its own, so that they share no interpreter with what measures.

`python -m tests.bench.clients`, JSON in and out. One thread watches all connections (epoll), keeps them open, sends
questions that were made beforehand and reads of an answer only what it needs: where it ends and its status. What that
costs is reported, since the clients share the machine's processors with the server.

Each client asks again as soon as it is answered. The clock starts once each has been answered, so that every worker
process has met the page. A rate counts the answers that became whole before time was up, times are of the questions
that were asked within it.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psutil

from tests.bench.asking import Answer, connect, question


@dataclass
class Client:
    socket: socket.socket
    text: bytes = b""
    asked_at: float = 0.0
    received: int = 0
    head: bytes = b""
    answer: Answer | None = None
    status: int = 200  # that is expected
    is_new: bool = True

    def expect_unchanged(self, text: bytes) -> None:
        self.text, self.status = text, 304

    def ask(self) -> None:
        self.received, self.head, self.answer = 0, b"", None
        self.asked_at = time.perf_counter()
        self.socket.sendall(self.text)

    def read(self) -> Answer | None:
        """The answer, once all of it is here; raises when it is none that was expected."""
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
            self.received = len(self.head) - end - 4
            if self.answer.status != self.status or self.answer.length < 0:
                raise RuntimeError(f"应为 {self.status}，得到 {self.head[:end].splitlines()[0].decode()}")
        return self.answer if self.received >= self.answer.length else None


def ask(
    *, url: str, path: str, cookie: str, clients: int, seconds: float, unchanged: bool, server: list[int]
) -> dict[str, Any]:
    """What the clients saw; `server` are the processes whose time is to be reported beside it.

    `unchanged` asks with the ETag of the client's own first answer, and wants nothing but 304 from then on.
    """
    processes = [psutil.Process(pid) for pid in server]
    latencies: list[float] = []
    new, answered, in_time = clients, 0, 0
    started, own_cpu, server_cpu = float("inf"), 0.0, 0.0
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(clients):
            client = Client(stack.enter_context(connect(url)), question(url, path, cookie))
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask()
        asking = clients
        while asking:
            for key, _ in selector.select(timeout=60):
                client = key.data
                answer = client.read()
                if answer is None:
                    continue
                now = time.perf_counter()
                if now >= started:
                    answered += 1
                    in_time += now - started < seconds
                    if client.asked_at >= started:
                        latencies.append(now - client.asked_at)
                if client.is_new:
                    client.is_new, new = False, new - 1
                    if unchanged:
                        client.expect_unchanged(question(url, path, cookie, answer.etag))
                    if not new:
                        started, own_cpu, server_cpu = time.perf_counter(), time.process_time(), cpu_of(processes)
                if now - started < seconds:
                    client.ask()
                else:
                    asking -= 1
    elapsed = time.perf_counter() - started
    return {
        "rate": in_time / seconds,
        "latencies": latencies,
        "server_cpu": (cpu_of(processes) - server_cpu) / answered,
        "clients_cpu": (time.process_time() - own_cpu) / elapsed,
    }


def cpu_of(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)


if __name__ == "__main__":
    json.dump(ask(**json.load(sys.stdin)), sys.stdout)
