"""Query counts do not grow with data, and the cockpit stays within its budget."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pgtrigger
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators import actions
from indicators.models import Indicator, IndicatorNode, IndicatorVersion, Observation, StrategyNode, Vintage
from lvyuan.accounts.models import District
from projects.models import KeyProject, ListMembership, ProjectList, StageEvent
from tests.conftest import HOME
from tests.indicators.factories import many_indicators, staged_job

pytestmark = pytest.mark.django_db
PATHS = {  # one of each counts the unread notices for the header; the cockpit says who has reported
    "/cockpit/": 21,
    "/cockpit/?period=2023-06": 21,
    "/cockpit/?known_at=2024-01-01": 20,
    "/indicators/": 11,
    "/indicators/?sort=-value": 11,
    "/indicators/?sort=-rank&period=2023-06&page=2": 11,
    "/charts/headline.json": 9,
    "/compare/?indicator=industrial_output&since=2022-01&until=2023-12": 9,
    "/indicators/industrial_output/": 28,
    "/figures/industrial_output/220106/2023-06.ytd/": 19,
    "/indicators/industrial_output/ranks/": 9,
    "/targets/": 10,
    "/targets/?page=2": 10,
    "/strategy/": 20,
    "/projects/": 14,
    "/projects/?page=2": 14,
    "/projects/key-2023-01/": 16,
    "/figures/portfolio/220106/key-2023@2023-08-04/": 8,
}


def counts(client) -> dict[str, int]:
    found = {}
    for path in PATHS:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        found[path] = len(queries)
    return found


def grow_indicators(made: list[Indicator]) -> None:
    """A year and a half of figures for each, hung on the strategy tree."""
    district, node = District.objects.get(code=HOME), StrategyNode.objects.first()
    template = Vintage.objects.get(observation__indicator__code="industrial_output")
    IndicatorNode.objects.bulk_create(IndicatorNode(indicator=i, node=node) for i in made)
    ends = [dt.date(2022, month + 1, 1) - dt.timedelta(days=1) for month in range(2, 12)] + [dt.date(2023, 6, 30)]
    observations = Observation.objects.bulk_create(
        Observation(district=district, indicator=i, period_kind="ytd", period_end=end) for i in made for end in ends
    )
    versions = {version.indicator_id: version for version in IndicatorVersion.objects.filter(indicator__in=made)}
    vintages = Vintage.objects.bulk_create(
        Vintage(
            observation=o,
            number=1,
            version=versions[o.indicator_id],
            value=Decimal("1.5"),
            unit="亿元",
            source=template.source,
            known_from=template.known_from,
        )
        for o in observations
    )
    for observation, vintage in zip(observations, vintages, strict=True):
        observation.current = vintage
    Observation.objects.bulk_update(observations, ["current"])


def grow_projects(number: int, *, prefix: str, first: int) -> None:
    found = ProjectList.objects.get(code="key-2023")
    made = KeyProject.objects.bulk_create(
        KeyProject(district=found.district, code=f"{prefix}-{n}", name=f"{prefix}项目{n}") for n in range(number)
    )
    ListMembership.objects.bulk_create(
        ListMembership(list=found, project=p, number=first + n) for n, p in enumerate(made)
    )
    StageEvent.objects.bulk_create(
        StageEvent(project=p, stage="started", happened_on=dt.date(2023, 5, 1), evidence_kind="permit") for p in made
    )


def shrink_to_one_indicator_and_ten_projects() -> None:
    """Takes the article away but for one indicator; as the owner of the tables, which a test may."""
    others = "SELECT id FROM indicators_indicator WHERE code <> 'industrial_output'"
    observations = f"SELECT id FROM indicators_observation WHERE indicator_id IN ({others})"
    vintages = f"SELECT id FROM indicators_vintage WHERE observation_id IN ({observations})"
    with pgtrigger.ignore(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE indicators_observation SET current_id = NULL WHERE id IN ({observations})")
        for table in ("rank", "printedcomparison", "release", "lightresult"):
            cursor.execute(f"DELETE FROM indicators_{table} WHERE vintage_id IN ({vintages})")
        cursor.execute(f"DELETE FROM indicators_vintage WHERE id IN ({vintages})")
        cursor.execute("DELETE FROM indicators_target")
        for table in ("observation", "assignment", "indicatornode", "indicatorversion"):
            cursor.execute(f"DELETE FROM indicators_{table} WHERE indicator_id IN ({others})")
        cursor.execute(
            "UPDATE projects_projectlist"
            " SET total_indicator_id = NULL, started_indicator_id = NULL, rate_indicator_id = NULL"
        )
        cursor.execute(f"DELETE FROM indicators_indicator WHERE id IN ({others})")
        cursor.execute("UPDATE projects_listmembership SET valid_to = '2023-01-01' WHERE number > 10")
    assert Indicator.objects.count() == 1


def test_query_counts_stay_the_same_from_few_to_many(signed_in):
    client = signed_in("leader")
    article = counts(client)
    shrink_to_one_indicator_and_ten_projects()
    few = counts(client)
    grow_indicators(many_indicators(499))
    grow_projects(510, prefix="more", first=100)
    many = counts(client)
    assert many == few
    assert {path: n for path, n in article.items() if n > PATHS[path]} == {}


def _approve_import_of(indicators: list[Indicator], cast, name: str) -> int:
    """Queries from confirmation to approval of an import with one figure per indicator."""
    job = staged_job(cast.admin, [(indicator.code, "2023-07.ytd", "1.5", None) for indicator in indicators], name=name)
    with CaptureQueriesContext(connection) as queries:
        submission = actions.submit_staged(by=cast.admin, job=job)
        version = submission.row_version
        vintages = actions.approve(by=cast.reviewer, submission=submission, row_version=version)
    assert len(vintages) == len(indicators)
    return len(queries)


def test_import_and_approval_take_the_same_queries_for_one_and_many(cast):
    one, *many = many_indicators(301)
    assert _approve_import_of(many, cast, "many.csv") == _approve_import_of([one], cast, "one.csv")
