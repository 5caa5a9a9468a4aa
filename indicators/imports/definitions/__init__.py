"""The import of definitions: strategy, indicators with their versions, assignments and targets."""

from indicators.imports.definitions.indicators import Assignments, Indicators
from indicators.imports.definitions.shared import (
    Sourced,
    indicator_codes,
    node_codes,
    node_field,
    plan_codes,
    plan_field,
    source_codes,
    source_field,
    told,
)
from indicators.imports.definitions.strategy import Plans, Strategy
from indicators.imports.definitions.targets import Targets

PLANS, STRATEGY, INDICATORS, ASSIGNMENTS, TARGETS = Plans(), Strategy(), Indicators(), Assignments(), Targets()

__all__ = [
    "ASSIGNMENTS",
    "INDICATORS",
    "PLANS",
    "STRATEGY",
    "TARGETS",
    "Sourced",
    "indicator_codes",
    "node_codes",
    "node_field",
    "plan_codes",
    "plan_field",
    "source_codes",
    "source_field",
    "told",
]
