from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

URL = "ui/plotly.min.js"


def small_bundle() -> Path:
    """Where set-up puts the bundle of lvyuan/ui/plotly; nothing is there without npm."""
    return settings.BASE_DIR / "build" / "plotly" / "plotly.min.js"


def full_bundle() -> Path:
    """The plotly.js in plotly's wheel, found without importing plotly."""
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Serves plotly.js as `ui/plotly.min.js`: the small bundle where set-up built it, else the wheel's."""

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        folder = small_bundle().parent if small_bundle().is_file() else full_bundle().parent
        self.storage = FileSystemStorage(location=folder)
        self.storage.prefix = "ui"  # type: ignore[attr-defined] # collectstatic puts the files there

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = [self.storage.path("plotly.min.js")] if path == URL else []
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        yield "plotly.min.js", self.storage
