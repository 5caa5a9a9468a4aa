"""The run: every measure or one, printed as it goes, written when it ends."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from tests import serving
from tests.bench import measures  # noqa: F401 - they register themselves
from tests.bench.lines import BUSY, MARK, as_text
from tests.bench.measures.importing import ROWS, USUAL_ROWS
from tests.bench.scene import MEASURES, Others, Scene, postmaster

RESULT = serving.ROOT / "build" / "bench.json"
PATIENCE = max(1, ROWS // USUAL_ROWS)  # more for whoever imports more rows than usual
LONGEST_RUN, LONGEST_MEASURE = 900 * PATIENCE, 300 * PATIENCE  # seconds; whatever hangs, the run ends


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="性能测量")
    parser.add_argument("--only", choices=list(MEASURES), help="只运行这一项")
    only = parser.parse_args().only
    use_own_cluster()
    signal.signal(signal.SIGALRM, give_up)
    end = time.monotonic() + LONGEST_RUN
    result: dict[str, Any] = {"machine": machine(), "measures": []}
    for name, value in result["machine"].items():
        print(f"  {name:<12}{value}")
    with ExitStack() as stack:
        stack.callback(write, result)  # what was measured stands, even when the rest went wrong
        scene = Scene(stack)
        for name in MEASURES if only is None else [only]:
            result["measures"].append(found := {"name": name, "title": MEASURES[name][0], "lines": []})
            run(name, scene, found, seconds=min(LONGEST_MEASURE, end - time.monotonic()))
    print(f"{MARK} 测量时其他程序占用了处理器的 {BUSY:.0%} 以上，数字偏大、比值不准，请在空闲的机器上重测。")
    if failed := [found["name"] for found in result["measures"] if "error" in found]:
        sys.exit(f"没有测完：{'、'.join(failed)}")


def run(name: str, scene: Scene, found: dict[str, Any], *, seconds: float) -> None:
    """One measure, its lines into `found` beside the load average at its start and end and what others used.

    One that breaks off, or is not done after so many seconds, says why, and the others still run.
    """
    title, function = MEASURES[name]
    print(f"\n{title}", flush=True)
    found["load_average_start"] = round(os.getloadavg()[0], 2)
    started, others = time.perf_counter(), Others(postmaster())
    signal.alarm(max(1, int(seconds)))
    try:
        for line in function(scene):
            share = others.share()
            found["lines"].append({**asdict(line), "others_cpu": round(share, 3)})
            print(as_text(line, is_busy=share > BUSY), flush=True)
    except Exception:
        found["error"] = traceback.format_exc()
        print(found["error"], flush=True)
    finally:
        signal.alarm(0)
    found["load_average_end"] = round(os.getloadavg()[0], 2)
    found["others_cpu"] = round(others.share(), 3)
    found["seconds"] = round(time.perf_counter() - started, 1)
    print(
        f"  （{found['seconds']:.0f} 秒；负载 {found['load_average_start']} → {found['load_average_end']}，"
        f"其他程序占用处理器 {found['others_cpu']:.0%}）",
        flush=True,
    )


def write(result: dict[str, Any]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    print(f"\n已写入 {RESULT.relative_to(serving.ROOT)}")


def use_own_cluster() -> None:
    """A durable embedded server in a temporary folder, unless DATABASE_URL names one; removed when it has stopped."""
    home = tempfile.mkdtemp(prefix="lvyuan-bench-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # before the server's own: it is called after that
    os.environ |= {"DATA_DIR": home, "LVYUAN_PG_FAST": "0"}
    from tests import environment  # noqa: F401 - it starts the server, and names another folder for files

    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)


def machine() -> dict[str, str | int]:
    """What the absolute times belong to."""
    from tests.environment import OWNER_URL

    with psycopg.connect(OWNER_URL) as connection:
        postgres = connection.info.parameter_status("server_version") or ""
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "python": platform.python_version(),
        "postgres": postgres,
    }


def cpu_model() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def give_up(*_: Any) -> None:
    raise TimeoutError(
        f"一项超过 {LONGEST_MEASURE} 秒，或全部超过 {LONGEST_RUN} 秒，已停止；机器可能正忙，可用 --only 逐项测量。"
    )


if __name__ == "__main__":
    main()
