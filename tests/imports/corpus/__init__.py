"""Files as they come from the world, each with what must become of it: right figures, a question, or a clear refusal.

A module per family of troubles; each file is made by a function under `@case`. Expected values are typed by hand.
`python -m tests.imports.corpus DIR` writes them all, and manifest.json beside them.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

FAMILIES = ("reading", "hostile", "shapes", "figures", "unseen", "kinds")

Writer: TypeAlias = Callable[[Path], object]


class Fact(NamedTuple):
    """One figure that must come out: codes, the period as in fixtures (2023-07.ytd), digits as texts, None unknown."""

    indicator: str
    district: str
    period: str
    value: str | None
    growth: str | None = None


class Place(NamedTuple):
    """Where a problem stands, as the message names it; "" and 0 where a file has no such thing."""

    sheet: str = ""
    row: int = 0
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file. With `refused`, that text occurs in the refusal or in a problem at `place`, and nothing is written.

    With `asks`, exactly these question codes are open before `answers` are given; `figures` are what is staged
    after them, in the file's order. `rows` is what reading alone gives: (sheet, line, cells), a flawed cell as its
    problem in angle brackets. What is None is not checked.
    """

    name: str
    family: str
    write: Writer = field(repr=False)
    about: str
    kind: str = "observations"
    figures: tuple[Fact, ...] | None = None
    rows: tuple[tuple[str, int, tuple[str, ...]], ...] | None = None
    refused: str = ""
    place: Place | None = None
    asks: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()

    def expected(self) -> dict[str, Any]:
        """The manifest's entry: only what is said."""
        said = {
            "family": self.family,
            "about": self.about,
            "kind": self.kind,
            "figures": self.figures and [fact._asdict() for fact in self.figures],
            "rows": self.rows,
            "refused": self.refused,
            "place": self.place and self.place._asdict(),
            "asks": self.asks,
            "answers": dict(self.answers),
        }
        return {name: value for name, value in said.items() if value or (value == () and name in ("figures", "rows"))}


_cases: dict[str, Case] = {}


def case(
    name: str,
    *,
    figures: Sequence[tuple[Any, ...]] | None = None,
    rows: Sequence[tuple[str, int, Sequence[str]]] | None = None,
    refused: str = "",
    place: tuple[str, int, str] | None = None,
    asks: Sequence[str] = (),
    answers: Mapping[str, str] | None = None,
    kind: str = "observations",
) -> Callable[[Writer], Writer]:
    """Makes the decorated function the writer of the file `name`; its docstring says what the file is like."""

    def register(write: Writer) -> Writer:
        assert name not in _cases, f"two files of the corpus are called {name}"
        assert figures is not None or rows is not None or refused or asks, f"{name} expects nothing"
        _cases[name] = Case(
            name=name,
            family=write.__module__.rpartition(".")[2],
            write=write,
            about=" ".join((write.__doc__ or "").split()),
            kind=kind,
            figures=None if figures is None else tuple(Fact(*fact) for fact in figures),
            rows=None if rows is None else tuple((sheet, line, tuple(cells)) for sheet, line, cells in rows),
            refused=refused,
            place=place and Place(*place),
            asks=tuple(asks),
            answers=dict(answers or {}),
        )
        return write

    return register


def cases(*families: str) -> list[Case]:
    """All files of these families (of every family by default), in the order they are written down."""
    for family in FAMILIES:
        if find_spec(f"{__name__}.{family}"):
            importlib.import_module(f"{__name__}.{family}")
    return [found for found in _cases.values() if not families or found.family in families]


def write_all(folder: Path) -> int:
    """Writes every file and the manifest; gives the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    found = cases()
    for item in found:
        item.write(folder / item.name)
    manifest = {item.name: item.expected() for item in found}
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return len(found)
