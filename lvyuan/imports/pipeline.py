"""A file's way: received → read in a child process → planned by its kind → previewed. Writes no table."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from lvyuan.accounts.models import User
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportRefused, Kind, Plan
from lvyuan.imports.table import SUFFIXES, Table
from lvyuan.ui.middleware import size_text

log = logging.getLogger(__name__)

MEMORY = 1024 * 1024 * 1024  # of the reading process
CPU_SECONDS = 30
WALL_SECONDS = 60
ERRORS_KEPT = 500
ROWS_SHOWN = 200  # of each status
MAX_SHOWN_TEXT = 300


# The file


@dataclass(frozen=True, slots=True)
class Received:
    """An upload on disk under a passing name; `keep` gives it its own."""

    path: Path
    name: str
    suffix: str
    sha256: str
    size: int

    def keep(self) -> None:
        """Moves the file to its place, named by its content; a half-written one never gets there."""
        target = import_path(self.sha256)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        self.path.rename(target)


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def import_path(sha256: str) -> Path:
    """Where the file of a job is kept, readable by this service alone."""
    return _folder() / sha256[:2] / sha256


@contextmanager
def received(upload: UploadedFile[Any]) -> Iterator[Received]:
    """The upload as a file of ours; gone afterwards unless kept. Raises ImportRefused over the size limit."""
    name = upload.name or ""
    partial = _folder() / f"{uuid.uuid4().hex}.partial"
    digest, size = hashlib.sha256(), 0
    upload.seek(0)
    try:
        with open(partial, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as target:
            for chunk in upload.chunks():
                size += len(chunk)
                check_size(size)
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        yield Received(partial, name, suffix_of(name), digest.hexdigest(), size)
    finally:
        partial.unlink(missing_ok=True)


def check_size(size: int) -> None:
    """Raises ImportRefused one byte over the limit."""
    if size > settings.IMPORT_LIMIT:
        raise ImportRefused(
            gettext("文件超过 %(import_limit)s 的上限，没有保存任何内容。%(split)s。")
            % {"import_limit": size_text(settings.IMPORT_LIMIT), "split": gettext("请拆分成几个文件再上传")}
        )


def suffix_of(name: str) -> str:
    """The lower-case suffix of a file that can be imported. Raises ImportRefused for any other."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ImportRefused(
            gettext("只接受 %(suffixes)s 文件。请另存为其中一种格式后再上传。")
            % {"suffixes": gettext("、").join(SUFFIXES)}
        )
    return suffix


# The table


def read(path: Path, suffix: str) -> Table:
    """The file's table, read by a child process with limits. Raises ImportRefused."""
    command = [sys.executable, "-B", "-m", "lvyuan.imports.child"]
    command += [str(path), suffix, str(MEMORY), str(CPU_SECONDS)]
    # The child gets no secret of ours, and answers into a file, so that no answer can fill our memory.
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                command,
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                timeout=WALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ImportRefused(
                gettext("读取文件超过 %(wall_seconds)s 秒，已停止。%(split)s。")
                % {"wall_seconds": WALL_SECONDS, "split": gettext("请拆分成几个文件再上传")}
            ) from error
        errors.seek(0)
        if told := errors.read(4000).decode("utf-8", "replace"):
            log.warning("reading %s ended with %s: %s", path.name[:12], done.returncode, told)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            raise ImportRefused(
                gettext("读取文件用时超过 %(cpu_seconds)s 秒，已停止。%(split)s。")
                % {"cpu_seconds": CPU_SECONDS, "split": gettext("请拆分成几个文件再上传")}
            )
        if done.returncode:
            raise ImportRefused(gettext("文件展开后过大或内容损坏，读取中断。请另存后重试，或拆分成几个文件再上传。"))
        output.seek(0)
        answer = json.load(output)
    if "refused" in answer:
        raise ImportRefused(gettext(answer["refused"]))
    return Table.from_json(answer["table"])


def plan_again(job: ImportJob, kind: Kind, user: User) -> tuple[Plan, dict[str, Any]]:
    """The plan of a job's kept file against the database as it is now, and its preview. Raises ImportRefused."""
    path = import_path(job.sha256)
    if not path.exists():
        raise ImportRefused(gettext("上传的原文件已不在服务器上。请重新上传。"))
    table = read(path, suffix_of(job.file_name))
    plan = kind.plan(table, user)
    return plan, preview(table, plan)


# The preview


def preview(table: Table, plan: Plan) -> dict[str, Any]:
    """What the pages show and the job keeps: counts, the first rows of each status, the errors, a fingerprint."""
    counts = Counter(row.status for row in plan.rows)
    refused = {problem.line for problem in plan.problems if problem.line != table.header_line}
    return {
        "counts": {
            "new": counts["new"],
            "changed": counts["changed"],
            "same": counts["same"],
            "refused": len(refused),
        },
        "rows": _shown_rows(plan),
        "errors": _errors(table, plan),
        "ignored_columns": [_cut(name, 40) for name in plan.ignored_columns],
        "questions": plan.questions,
        "digest": _digest(plan),
    }


def is_ready(said: dict[str, Any]) -> bool:
    """Whether a preview may be confirmed: nothing wrong, nothing open, and something to write."""
    counts = said.get("counts", {})
    return not said.get("errors") and not said.get("questions") and counts.get("new", 0) + counts.get("changed", 0) > 0


def _cut(text: str, length: int = MAX_SHOWN_TEXT) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _shown_rows(plan: Plan) -> list[dict[str, Any]]:
    shown, seen = [], Counter[str]()
    for row in plan.rows:
        seen[row.status] += 1
        if seen[row.status] <= ROWS_SHOWN:
            shown.append(
                {
                    "line": row.line,
                    "key": row.key,
                    "indicator": row.title,
                    "period": row.period,
                    "old": _cut(row.old),
                    "new": _cut(row.new),
                    "status": row.status,
                }
            )
    return shown


def _errors(table: Table, plan: Plan) -> list[dict[str, Any]]:
    problems = sorted(plan.problems, key=lambda problem: problem.line)
    errors: list[dict[str, Any]] = [
        {
            "sheet": _cut(table.sheet, 40),
            "row": problem.line or "",
            "column": _cut(problem.column, 40),
            "message": _cut(problem.message),
            "remedy": _cut(problem.remedy),
        }
        for problem in problems[:ERRORS_KEPT]
    ]
    if left := len(problems) - len(errors):
        message, remedy = (
            (gettext("还有 %(left)s 处错误没有列出") % {"left": left}),
            gettext("请先改正以上各处，再重新上传"),
        )
        errors.append({"sheet": "", "row": "", "column": "", "message": message, "remedy": remedy})
    return errors


def _digest(plan: Plan) -> str:
    """Changes whenever the plan would do or show anything else, unlisted rows included."""
    digest = hashlib.sha256()
    for row in plan.rows:
        told = [row.line, row.key, row.status, row.old, row.new, sorted(row.said.items())]
        digest.update(json.dumps(told, ensure_ascii=False).encode())
    for problem in plan.problems:
        digest.update(json.dumps([problem.line, problem.column, problem.message]).encode())
    digest.update(json.dumps([plan.ignored_columns, plan.questions]).encode())
    return digest.hexdigest()
