"""The measures, in the order in which they run."""

from tests.bench.measures import starting, pages, browsing, writing, importing  # noqa: F401, I001 - the order is meant
