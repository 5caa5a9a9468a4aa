"""What is measured and how it is written: lines with a value, a ratio to another line, and the ratio that is wanted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

BUSY = 0.1  # of the processors' time: what others may use before a figure is marked
MARK = "※"


@dataclass(frozen=True)
class Line:
    """One measured number; `ratio` is value / value of the line named `ratio_to`.

    `goal` is what the ratio, or where there is none the value, should be: "≤ 6".
    """

    name: str
    value: float | str
    unit: str = ""
    ratio: float | None = None
    ratio_to: str = ""
    goal: str = ""


def compared(line: Line, base: Line, goal: str = "") -> Line:
    """The line with its ratio to the base, rounded to three places; the goal speaks of the ratio."""
    ratio = round(float(line.value) / float(base.value), 3)
    return replace(line, ratio=ratio, ratio_to=base.name, goal=goal or line.goal)


def is_met(line: Line) -> bool | None:
    """Whether the goal is reached; None without a goal."""
    if not line.goal:
        return None
    sign, _, limit = line.goal.partition(" ")
    reached = float(line.value) if line.ratio is None else line.ratio
    return reached <= float(limit) if sign == "≤" else reached >= float(limit)


def as_text(line: Line, *, is_busy: bool = False) -> str:
    """One line of the table: name, value, unit, how many times which other line, the goal and whether it is reached.

    The mark says that others kept the machine busy meanwhile.
    """
    ratio = "" if line.ratio is None else f"{line.ratio:>8.3f} × {line.ratio_to}"
    met = {None: "", True: "达到", False: "未达到"}[is_met(line)]
    goal = f"目标 {line.goal} {met}" if line.goal else ""
    mark = MARK if is_busy else " "
    return f"{mark} {line.name:<40}{line.value!s:>11} {line.unit:<6}{ratio:<44}{goal}".rstrip()


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which `percent` of 100 lie: between the two nearest in proportion, never outside them."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
