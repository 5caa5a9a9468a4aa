"""The tables of the figures' pages as files: which columns they have, of the very rows that the page shows."""

from indicators.exports.chain import (
    board_book,
    exceptions_book,
    exemptions_book,
    light_book,
    lights_book,
    queue_book,
    releases_book,
    review_book,
    round_book,
    rounds_book,
)
from indicators.exports.longform import figures_sheet
from indicators.exports.reading import (
    comparison_book,
    indicator_book,
    indicators_book,
    pace_sheet,
    ranks_book,
    row_sheet,
    targets_book,
)

__all__ = [
    "board_book",
    "comparison_book",
    "exceptions_book",
    "exemptions_book",
    "figures_sheet",
    "indicator_book",
    "indicators_book",
    "light_book",
    "lights_book",
    "pace_sheet",
    "queue_book",
    "ranks_book",
    "releases_book",
    "review_book",
    "round_book",
    "rounds_book",
    "row_sheet",
    "targets_book",
]
