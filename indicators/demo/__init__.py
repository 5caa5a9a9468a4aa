"""Invented figures to try the product out with: `make demo`, never a database in real use.

fixtures/demo/demo.json declares each series: its levels at one month, the range of its yearly growth, the shape of
its year, and what is odd about it. `generate` is pure, and every series, district and year throws dice of its own:
the same declaration always gives the same figures, and a longer span or one more series leaves all others as they
were.
"""

from indicators.demo.generating import Invented, Series, Stage, annual_target, generate
from indicators.demo.loading import load
from indicators.demo.reading import read_series

__all__ = ["Invented", "Series", "Stage", "annual_target", "generate", "load", "read_series"]
