"""The formulas' directions are the indicator field's, value by value."""

from __future__ import annotations

from indicators.calculations import Direction
from indicators.models import Indicator


def test_directions_are_those_of_the_field():
    assert {direction.value for direction in Direction} == set(Indicator.Direction.values)
