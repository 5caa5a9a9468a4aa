"""`manage.py load_fixtures [--demo] [DIR]`: published figures and definitions from reviewed files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, connection, transaction

from indicators import demo as invented
from indicators import loading as indicators
from indicators.models import Source, Vintage
from lvyuan.accounts import loading as accounts
from lvyuan.audit.context import acting
from projects import loading as projects

_USE_MAKE = "正式使用请运行 make run，演示请运行 make demo，两者各用各的数据库。没有写入任何数据。"
LOCK = 220106  # one loader at a time; any number that nothing else locks will do


class Command(BaseCommand):
    help = "装载数据文件（默认 fixtures/article）：全部成功或全部不变，重复装载不产生任何改动。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", nargs="?", type=Path, help="数据文件目录，默认 fixtures/article")
        parser.add_argument("--demo", action="store_true", help="再装载演示数据（fixtures/demo）")

    def handle(self, *args: Any, directory: Path | None, demo: bool, verbosity: int, **options: Any) -> None:
        fixtures = settings.BASE_DIR / "fixtures"
        paths = [directory or fixtures / "article", *([fixtures / "demo"] if demo else [])]
        for path in paths:
            if not path.is_dir():
                name = "演示数据还没有提供，" if path == fixtures / "demo" else ""
                raise CommandError(f"{name}没有目录 {path}，没有写入任何数据。")
        if demo != settings.DEMO:
            raise CommandError(f"{'没有启用' if demo else '已启用'}演示环境（DEMO=1）。{_USE_MAKE}")
        folders = [accounts.Folder(path) for path in paths]
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                if demo:
                    _refuse_figures_in_use()
                for folder in folders:
                    _load(folder, demo=demo and folder is folders[-1])
                if not demo and Source.objects.filter(kind=Source.Kind.DEMO).exists():
                    raise CommandError(f"这个数据库里有演示数据，不能正式使用。{_USE_MAKE}")
        except accounts.FixtureError as error:
            raise CommandError(f"{error}没有写入任何数据。") from error
        if verbosity:
            for folder in folders:
                self._report(folder)

    def _report(self, folder: accounts.Folder) -> None:
        told = []
        for model, counts in folder.tally.items():
            changes = [f"{what} {count}" for what, count in counts.items() if what != accounts.SAME]
            if changes:
                told.append(f"  {model._meta.verbose_name}：{'，'.join(changes)}")
        same = sum(counts[accounts.SAME] for counts in folder.tally.values())
        self.stdout.write("\n".join([f"数据文件 {folder.path.name}：未变 {same} 条{'；' if told else '。'}", *told]))


def _refuse_figures_in_use() -> None:
    """Demo data may start only in a database without any figure; it then stays a demo database for good."""
    figures = Vintage.objects.count()
    if figures and not Vintage.objects.filter(source__kind=Source.Kind.DEMO).exists():
        raise CommandError(f"这个数据库已用于正式数据（{figures} 条），不能装载演示数据。{_USE_MAKE}")


def _load(folder: accounts.Folder, *, demo: bool) -> None:
    name = folder.path.name
    with acting(origin=f"{accounts.ORIGIN} {name}", reason=f"装载数据文件 {name}"):
        accounts.load(folder)
        indicators.load(folder)
        if demo:
            invented.load(folder)
        projects.load(folder)
        folder.finish()
        try:
            connection.check_constraints()
        except IntegrityError as error:
            raise accounts.FixtureError(f"数据库拒绝这些数据：{error}。") from error
