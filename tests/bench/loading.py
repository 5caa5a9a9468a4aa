"""Times of pages asked for by one client, and by many."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tests import serving
from tests.bench.asking import visiting
from tests.bench.lines import milliseconds, percentile
from tests.bench.scene import processes_of

WARM_UP, REQUESTS = 2, 30  # of each page by a single client; the first ones compile templates and fill caches
AT_LEAST, SECONDS = 3, 90  # where pages are slow: so many requests, and no new turn after that time


def in_turns(visits: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The seconds that each visit gives, all asked for in turns, in their order."""
    times: dict[str, list[float]] = {name: [] for name in visits}
    end = time.perf_counter() + SECONDS
    for number in range(WARM_UP + REQUESTS):
        if number >= WARM_UP + AT_LEAST and time.perf_counter() > end:
            break
        for name, visit in visits.items():
            seconds = visit()
            if number >= WARM_UP:
                times[name].append(seconds)
    return times


def median_times(places: dict[str, tuple[serving.App, str]], cookie: str) -> dict[str, float]:
    """Median milliseconds of the answers of each place to one client, asked for in turns over kept connections."""
    with ExitStack() as stack:
        visits = {
            name: stack.enter_context(visiting(app.url, path, cookie)).get for name, (app, path) in places.items()
        }
        return medians(in_turns(visits))


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """In milliseconds."""
    return {name: milliseconds(statistics.median(found)) for name, found in times.items()}


@dataclass
class Load:
    """What several clients saw, over one turn or several."""

    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # requests per second of each turn
    server_cpu: list[float] = field(default_factory=list)  # seconds a request, PostgreSQL apart, of each turn
    clients_cpu: list[float] = field(default_factory=list)  # of one processor, each turn

    def add(self, other: Load) -> None:
        self.latencies += other.latencies
        self.rates += other.rates
        self.server_cpu += other.server_cpu
        self.clients_cpu += other.clients_cpu

    def figure(self, what: str) -> float:
        """One figure of all turns.

        `rps` of the median turn; `p50`, `p95` in ms; `cpu`, what a request costs the server in ms, PostgreSQL apart;
        `clients`, what the clients themselves used, in percent of one processor.
        """
        if what == "rps":
            return round(statistics.median(self.rates), 1)
        if what == "cpu":
            return milliseconds(statistics.median(self.server_cpu))
        if what == "clients":
            return round(100 * statistics.median(self.clients_cpu), 1)
        return milliseconds(percentile(self.latencies, int(what[1:])))


def load(app: serving.App, path: str, cookie: str, *, clients: int, seconds: float, unchanged: bool = False) -> Load:
    """What `clients` at a time see, each asking again as soon as it is answered; raises what any of them met."""
    how = {"url": app.url, "path": path, "cookie": cookie, "clients": clients, "seconds": seconds}
    server = [one.pid for one in processes_of(app.process)]
    found = in_python("clients", {**how, "unchanged": unchanged, "server": server}, os.environ)
    return Load(found["latencies"], [found["rate"]], [found["server_cpu"]], [found["clients_cpu"]])


def query_counts(app: serving.App, paths: list[str], cookie: str) -> dict[str, int]:
    """Queries of one request of each page that must be computed, session and person included."""
    ours = {name: os.environ[name] for name in serving.NOT_FOR_SERVERS if name in os.environ}
    env = {**app.environment, **ours, "DATABASE_URL": app.environment["DATABASE_OWNER_URL"]}
    found: dict[str, int] = in_python("queries", {"paths": paths, "cookie": cookie}, env)
    return found


def in_python(module: str, asked: dict[str, Any], env: Mapping[str, str]) -> Any:
    """What a module of this package answers in a process of its own; raises with its last words."""
    command = [sys.executable, "-m", f"tests.bench.{module}"]
    told = json.dumps(asked).encode()
    process = subprocess.run(command, input=told, capture_output=True, cwd=serving.ROOT, env=env, check=False)
    if process.returncode:
        raise RuntimeError(f"{asked}：\n{process.stderr.decode()[-3000:]}")
    return json.loads(process.stdout)
