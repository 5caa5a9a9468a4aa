"""One scorecard: every page, chart, export and command takes its figures from the rows made here."""

from indicators.rows.building import due_share, progress_figures
from indicators.rows.cards import RankRow, Row, Scorecard, TargetRow, VintageInfo
from indicators.rows.figures import (
    RATE_PLACES,
    Figure,
    exact_value,
    level_figure,
    nominal_growth_figure,
    percent_figure,
    pp_figure,
    rank_figure,
    slot_value_figure,
    target_figure,
    value_figure,
)
from indicators.rows.promises import Promises, promises, target_rows
from indicators.rows.scorecard import (
    figure_row,
    months_with_figures,
    reported,
    rows_by_address,
    rows_by_vintage,
    scorecard,
    series,
    series_keys,
    with_sort_keys,
)

__all__ = [
    "RATE_PLACES",
    "Figure",
    "Promises",
    "RankRow",
    "Row",
    "Scorecard",
    "TargetRow",
    "VintageInfo",
    "due_share",
    "exact_value",
    "figure_row",
    "level_figure",
    "months_with_figures",
    "nominal_growth_figure",
    "percent_figure",
    "pp_figure",
    "progress_figures",
    "promises",
    "rank_figure",
    "reported",
    "rows_by_address",
    "rows_by_vintage",
    "scorecard",
    "series",
    "series_keys",
    "slot_value_figure",
    "target_figure",
    "target_rows",
    "value_figure",
    "with_sort_keys",
]
