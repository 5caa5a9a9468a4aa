"""`python -m tests.imports.corpus DIR` writes the corpus and its manifest."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.imports.corpus import write_all

if len(sys.argv) != 2:
    sys.exit("python -m tests.imports.corpus DIR")
print(f"{write_all(Path(sys.argv[1]))} files")
