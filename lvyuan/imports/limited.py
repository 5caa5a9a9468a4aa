"""Starts our own modules that touch a stranger's file: in a process that has nothing to lose and nothing to tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from django.conf import settings


def run_limited(
    module: str, *args: str | Path | int, seconds: int, output: IO[bytes] | int, errors: IO[bytes] | int
) -> subprocess.CompletedProcess[bytes]:
    """Runs `python -m module` to its end; the module sets limits of memory and processor time on itself.

    It gets no secret of ours: no environment but where programs are. Raises subprocess.TimeoutExpired.
    """
    return subprocess.run(
        [sys.executable, "-B", "-m", module, *map(str, args)],
        cwd=settings.BASE_DIR,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        timeout=seconds,
        check=False,
    )
