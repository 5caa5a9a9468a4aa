"""The whole database as fixtures: loaded into an empty one, it gives the same scorecard and the same projects."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import fields, is_dataclass

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from indicators.compare import comparable_districts
from indicators.models import Target, Vintage
from indicators.rows import months_with_figures, scorecard, series, series_keys
from lvyuan.accounts.models import Role, User
from projects.models import KeyProject, StageEvent
from projects.rows import portfolio
from tests.conftest import HOME
from tests.indicators.factories import figure

APPS = ("accounts", "indicators", "projects", "imports", "audit", "notices")
ANYBODY = User(username="leader", role=Role.LEADER)
KEYS = ("pk", "version")  # of a vintage and of its definition in this database
LATER = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)


def emptied() -> None:
    """Takes every row of the product away, until the test rolls back."""
    tables = {model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()}
    names = [connection.ops.quote_name(table) for table in sorted(tables)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for deed in ("DISABLE", "ENABLE"):
            for name in names:
                cursor.execute(f"ALTER TABLE {name} {deed} TRIGGER USER")
            if deed == "DISABLE":
                cursor.execute(f"TRUNCATE {', '.join(names)} CASCADE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def bare(value):
    """What a row says, without the keys that a database gives."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: bare(getattr(value, field.name)) for field in fields(value) if field.name not in KEYS}
    if isinstance(value, (list, tuple)):
        return [bare(one) for one in value]
    if hasattr(value, "_meta"):
        return str(getattr(value, "code", value))
    return str(value)


def everything() -> dict[str, object]:
    told: dict[str, object] = {}
    for district in [one.code for one in comparable_districts(HOME)]:
        for month in [None, *months_with_figures(HOME)]:
            for known_at in (None, LATER):
                card = scorecard(district=district, period=month, known_at=known_at, user=ANYBODY)
                told[f"{district} {month} {known_at}"] = bare([card.rows, card.targets])
                if district == HOME:
                    for row in card.rows if month is None else ():
                        keys = series_keys(indicator=row.indicator, district=HOME, known_at=known_at, user=ANYBODY)
                        found = series(indicator=row.indicator, district=HOME, keys=keys, known_at=known_at)
                        told[f"{row.indicator.code} {known_at}"] = bare([found[key] for key in keys])
    for day in (None, dt.date(2023, 6, 30), dt.date(2024, 1, 31)):
        told[f"projects {day}"] = bare(portfolio(as_of=day, user=ANYBODY, district=HOME))
    return told


@pytest.fixture
def corrected(db):
    """Beside the article: another district's figure, a corrected one, a withdrawn one, a target's second version."""
    figure("industrial_output", "2023-07.ytd", "254.10", growth="16.2", rank=2, known_from=LATER - dt.timedelta(90))
    figure(
        "industrial_output", "2023-07.ytd", "254.3", growth="16.20", known_from=LATER + dt.timedelta(9), reason="更正"
    )
    figure("industrial_output", "2022-07.ytd", "17", status="final", known_from=LATER)
    figure("industrial_output", "2022-07.ytd", status="withdrawn", known_from=LATER + dt.timedelta(1), reason="撤回")
    figure("industrial_output", "2023-06.ytd", "450", comparator=">", printed="450余亿元", at="220102", unit="亿元")
    project = KeyProject.objects.filter(memberships__isnull=False).first()
    StageEvent.objects.create(
        project=project, stage="started", happened_on=dt.date(2023, 9, 1), evidence_kind="permit", known_from=LATER
    )
    return project


def test_dump_loads_into_an_empty_installation_with_the_same_scorecard(corrected, tmp_path, capsys):
    before, targets, vintages = everything(), Target.objects.count(), Vintage.objects.count()
    folder = tmp_path / "dump"
    call_command("dump_fixtures", str(folder))
    said = capsys.readouterr().out
    assert f"figures.json figures：{len(json.loads((folder / 'figures.json').read_text())['figures'])} 条" in said
    assert "历史：" in said
    assert "账号和密码" not in said  # nobody has one here
    emptied()
    assert not Vintage.objects.exists()
    call_command("load_fixtures", str(folder), verbosity=0)
    assert (Target.objects.count(), Vintage.objects.count()) == (targets, vintages)
    after = everything()
    assert after.keys() == before.keys()
    for name, rows in before.items():
        assert after[name] == rows, name
    call_command("load_fixtures", str(folder))
    assert "新增" not in capsys.readouterr().out


def test_dump_of_the_dump_is_the_dump(corrected, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    call_command("dump_fixtures", str(first), stdout=io.StringIO())
    emptied()
    call_command("load_fixtures", str(first), verbosity=0)
    call_command("dump_fixtures", str(second), stdout=io.StringIO())
    for file in sorted(first.iterdir()):
        assert (second / file.name).read_text() == file.read_text(), file.name


def test_a_directory_with_content_is_left_alone(db, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(CommandError, match="已有内容"):
        call_command("dump_fixtures", str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
