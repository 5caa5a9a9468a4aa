"""Reads one file in a process of its own: `python -m lvyuan.imports.child FILE SUFFIX MEMORY CPU`.

A hostile or broken file may take this process down, but nothing else. Prints one JSON object: the table, or
why the file was refused.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from lvyuan.imports.reading import read_table
from lvyuan.imports.table import SPLIT, Unreadable

MAX_OUTPUT = 256 * 1024 * 1024


def set_limits(memory: int, cpu: int) -> None:
    """Bytes of address space, seconds of processor time, and no file but the answer."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))


def answer(path: Path, suffix: str) -> bytes:
    """The answer as JSON, whatever happens."""
    said: dict[str, Any]
    try:
        return _encode({"table": read_table(path, suffix).to_json()})
    except Unreadable as refusal:
        said = {"refused": str(refusal)}
    except MemoryError:
        said = {"refused": f"文件展开后过大，超过读取时的内存上限。{SPLIT}。"}
    except BaseException:  # a panic inside the workbook reader is no Exception
        traceback.print_exc()
        said = {"refused": "文件内容损坏，无法读取。请在 Excel 或 WPS 中打开并另存后再上传。"}
    return _encode(said)


def _encode(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


if __name__ == "__main__":
    file, suffix, memory, cpu = sys.argv[1:]
    set_limits(int(memory), int(cpu))
    sys.stdout.buffer.write(answer(Path(file), suffix))
