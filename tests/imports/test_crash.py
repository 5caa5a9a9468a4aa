"""A few of the moments of tests.imports.crashing; the whole is for the release."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_import_killed_at_random_moments_is_all_there_or_not_at_all():
    command = [sys.executable, "-m", "tests.imports.crashing", "--moments", "6", "--rows", "3000"]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("DATABASE_") and name != "DATA_DIR"
    }
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=kept, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("6 moments, 3000 rows")
    assert sum(int(count) for count in re.findall(r"→ \w+ (\d+)", done.stdout)) == 6
