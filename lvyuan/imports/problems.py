"""What is wrong in a file, kept with its job: all of it, up to a limit, and how much more there was."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db import connection
from django.utils.translation import gettext

from lvyuan.imports.models import ImportJob, ImportProblem
from lvyuan.imports.registry import Problem

KEPT = 10_000
_COLUMNS = ("sheet", "line", "column", "severity", "group", "message", "remedy")


_PARTICULARS = re.compile(r"“[^”]*”|（[^）]*）|[0-9][0-9.,、—-]*")


def alike(message: str) -> str:
    """The message without what it quotes and counts, which alike problems share."""
    return _PARTICULARS.sub("…", message)


class Problems:
    """Collects a job's problems while its rows are read, in bounded memory; `save` writes them."""

    def __init__(self, job: ImportJob) -> None:
        self.job, self.kept, self.left = job, [], 0
        self.kept: list[Problem]

    def add(self, problem: Problem) -> None:
        """Keeps it, or counts it when there are too many."""
        if len(self.kept) < KEPT:
            self.kept.append(problem)
        else:
            self.left += 1

    def add_all(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.add(problem)

    @property
    def room(self) -> int:
        """How many more can be kept."""
        return KEPT - len(self.kept)

    def save(self) -> None:
        """Writes them, and one that counts the rest; runs inside the caller's transaction."""
        if self.left:
            message = gettext("还有 %(left)s 处问题没有列出") % {"left": self.left}
            self.kept.append(Problem(message=message, remedy=gettext("请先改正以上各处，再重新上传")))
        table = connection.ops.quote_name(ImportProblem._meta.db_table)
        columns = ", ".join(f'"{name}"' for name in ("job_id", *_COLUMNS))
        lengths = [(name, ImportProblem._meta.get_field(name).max_length) for name in _COLUMNS]
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
        ):
            for problem in self.kept:
                said = [getattr(problem, name) for name, _ in lengths]
                said[4] = problem.group or alike(problem.message)
                cut = [text[:most] if most else text for text, (_, most) in zip(said, lengths, strict=True)]
                copy.write_row([self.job.pk, *cut])
        self.kept.clear()
