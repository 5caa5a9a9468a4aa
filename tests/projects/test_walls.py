"""The wall's cells, made in one go, say the same as the rows."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from projects.rows import portfolio
from projects.templatetags.walls import wall_cells
from tests.conftest import HOME

pytestmark = pytest.mark.django_db


def test_a_cell_leads_to_its_project_and_says_its_state(cast):
    rows = portfolio(as_of=dt.date(2023, 8, 4), user=cast.leader, district=HOME).projects
    cells = re.findall(r'<li class="(\w+)"><a href="([^"]+)" title="([^"]+)">(\d+)</a></li>', wall_cells(rows))
    assert cells == [
        (row.state, row.project.get_absolute_url(), f"{row.project.name} · {row.state_label}", str(row.number))
        for row in rows
    ]
    assert len(cells) == 52


def test_names_are_escaped(cast):
    row = portfolio(user=cast.leader, district=HOME).projects[0]
    row.project.name = '<b>"园"'
    assert "&lt;b&gt;&quot;园&quot;" in wall_cells([row])


def test_no_project_no_cell():
    assert wall_cells([]) == ""
