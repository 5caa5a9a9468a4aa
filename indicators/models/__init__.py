from indicators.models.checks import CheckRule
from indicators.models.definitions import (
    Assignment,
    Calendar,
    Indicator,
    IndicatorNode,
    IndicatorVersion,
    PriceBasis,
    RankPool,
    RankPoolMember,
    Source,
)
from indicators.models.figures import (
    Comparator,
    Observation,
    PrintedComparison,
    Rank,
    RankBy,
    Release,
    Vintage,
    VintageStatus,
)
from indicators.models.reporting import Entry, Evidence, Round, Submission, Transition
from indicators.models.strategy import StrategyNode, StrategyPlan
from indicators.models.targets import Target

__all__ = [
    "Assignment",
    "Calendar",
    "CheckRule",
    "Comparator",
    "Entry",
    "Evidence",
    "Indicator",
    "IndicatorNode",
    "IndicatorVersion",
    "Observation",
    "PriceBasis",
    "PrintedComparison",
    "Rank",
    "RankBy",
    "RankPool",
    "RankPoolMember",
    "Release",
    "Round",
    "Source",
    "StrategyNode",
    "StrategyPlan",
    "Submission",
    "Target",
    "Transition",
    "Vintage",
    "VintageStatus",
]
