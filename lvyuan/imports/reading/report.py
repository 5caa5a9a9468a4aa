"""What a reader tells besides the grids."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Complete once the grids have been gone through: sheets that are hidden, and those that hold no cells."""

    hidden_sheets: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
