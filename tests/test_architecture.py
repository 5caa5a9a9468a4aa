"""The house stays a house: imports go one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each floor may import itself and what stands before it.
FLOORS = (
    ("lvyuan.periods", "lvyuan.numbers"),
    ("lvyuan.accounts", "lvyuan.audit", "lvyuan.ui", "lvyuan.imports", "lvyuan.notices"),
    ("indicators",),
    ("projects",),
    ("lvyuan.cockpit",),
    ("lvyuan.urls", "lvyuan.management"),
)


def floor_of(module: str) -> int | None:
    for number, names in enumerate(FLOORS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return number
    return None


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ("lvyuan", "indicators", "projects"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if "migrations" not in name and floor_of(name) is not None:
                found.append((name, path))
    return found


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_go_down_only(name: str, path: Path) -> None:
    own = floor_of(name)
    assert own is not None
    upward = {i for i in imports_of(path) if (floor := floor_of(i)) is not None and floor > own}
    assert not upward


def test_periods_and_numbers_need_the_standard_library_only() -> None:
    for module in ("periods", "numbers"):
        names = imports_of(ROOT / "lvyuan" / f"{module}.py")
        assert not {n for n in names if n.split(".")[0] in ("django", "lvyuan", "indicators", "projects")}


def test_floor_check_can_fail() -> None:
    assert floor_of("projects.rows") > floor_of("indicators.rows")
    assert "projects.rows" in imports_of(ROOT / "lvyuan" / "cockpit" / "views.py")
