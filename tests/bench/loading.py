"""Times of pages asked for by one client, and by many."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests import serving
from tests.bench.asking import visiting
from tests.bench.lines import milliseconds, percentile
from tests.bench.scene import cpu_seconds_of

WARM_UP, REQUESTS = 3, 30  # of each page by a single client; the first ones compile templates and fill caches


def median_times(places: dict[str, tuple[serving.App, str]], cookie: str) -> dict[str, float]:
    """Median milliseconds of the answers of each place to one client, asked for in turns over kept connections."""
    times: dict[str, list[float]] = {name: [] for name in places}
    with ExitStack() as stack:
        visits = {name: stack.enter_context(visiting(app.url, path, cookie)) for name, (app, path) in places.items()}
        for number in range(WARM_UP + REQUESTS):
            for name, visit in visits.items():
                seconds = visit.get()
                if number >= WARM_UP:
                    times[name].append(seconds)
    return {name: milliseconds(statistics.median(found)) for name, found in times.items()}


@dataclass
class Load:
    """What several clients saw, over one turn or several."""

    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # requests per second of each turn
    cpu_seconds: float = 0.0  # of the server
    clients_cpu: list[float] = field(default_factory=list)  # of one processor, each turn

    def add(self, other: Load) -> None:
        self.latencies += other.latencies
        self.rates += other.rates
        self.cpu_seconds += other.cpu_seconds
        self.clients_cpu += other.clients_cpu

    def figure(self, what: str) -> float:
        """One figure of all turns.

        `rps` of the median turn; `p50`, `p95` in ms; `cpu`, what a request costs the server in ms, PostgreSQL apart;
        `clients`, what the clients themselves used, in percent of one processor.
        """
        if what == "rps":
            return round(statistics.median(self.rates), 1)
        if what == "cpu":
            return milliseconds(self.cpu_seconds / len(self.latencies))
        if what == "clients":
            return round(100 * statistics.median(self.clients_cpu), 1)
        return milliseconds(percentile(self.latencies, int(what[1:])))


def load(app: serving.App, path: str, cookie: str, *, clients: int, seconds: float, unchanged: bool = False) -> Load:
    """What `clients` at a time see, each asking again as soon as it is answered; raises what any of them met."""
    how = {"url": app.url, "path": path, "cookie": cookie, "clients": clients, "unchanged": unchanged}
    before = cpu_seconds_of(app.process)
    asked = subprocess.run(
        [sys.executable, "-m", "tests.bench.clients"],
        input=json.dumps({**how, "how": {"seconds": seconds}}).encode(),
        capture_output=True,
        cwd=serving.ROOT,
        check=False,
    )
    if asked.returncode:
        raise RuntimeError(f"{path}：{asked.stderr.decode().splitlines()[-1]}")
    found = json.loads(asked.stdout)
    # The first question of each client is not among the times, but was answered as well.
    share = len(found["latencies"]) / (len(found["latencies"]) + clients)
    spent = (cpu_seconds_of(app.process) - before) * share
    return Load(found["latencies"], [found["rate"]], spent, [found["cpu"]])


def query_counts(app: serving.App, paths: list[str], cookie: str) -> dict[str, int]:
    """Queries of one request of each page that must be computed, session and person included."""
    ours = {name: os.environ[name] for name in serving.NOT_FOR_SERVERS if name in os.environ}
    asked = subprocess.run(
        [sys.executable, "-m", "tests.bench.queries"],
        input=json.dumps({"paths": paths, "cookie": cookie}).encode(),
        stdout=subprocess.PIPE,
        cwd=serving.ROOT,
        env={**app.environment, **ours, "DATABASE_URL": app.environment["DATABASE_OWNER_URL"]},
        check=True,
    )
    found: dict[str, int] = json.loads(asked.stdout)
    return found
