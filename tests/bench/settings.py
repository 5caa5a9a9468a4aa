"""The application's settings with one page more, to measure against (tests/bench/urls.py)."""

from lvyuan.settings import *  # noqa: F403
from lvyuan.settings import BASE_DIR, TEMPLATES

ROOT_URLCONF = "tests.bench.urls"
TEMPLATES = [{**TEMPLATES[0], "DIRS": [BASE_DIR / "tests" / "bench" / "templates"]}]
