"""`manage.py dump_fixtures DIR`: the database as fixtures, which load_fixtures reads into an empty installation."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from indicators import dumping as indicators
from indicators.models import Source
from lvyuan.accounts import dumping as accounts
from projects import dumping as projects

# What no fixture can say, by model: counted in the output, so that nobody believes it was kept.
LEFT_OUT = {
    "accounts.User": "账号和密码（请重新建立账号）",
    "indicators.Round": "填报任务（按填报日程重新建立）",
    "indicators.Submission": "报送、草稿、流转和退回",
    "indicators.Evidence": "佐证材料（文件另行备份）",
    "indicators.Remark": "部门说明",
    "indicators.GrowthReason": "增长原因",
    "indicators.CheckExemption": "核查例外名单",
    "indicators.LightExemption": "评灯豁免",
    "indicators.LightResult": "已评的灯（装载时按规则重评）",
    "projects.TaskForce": "包保专班",
    "imports.ImportJob": "导入任务和原文件",
    "audit.Event": "历史",
}
SAID = "各版数据的填报人、审核人，大事记的记录人，规则的采用人，战略对应关系是否经人确认，也不在其中。"


class Command(BaseCommand):
    help = "把数据库写成数据文件，可用 load_fixtures 装入一个空的系统，得到同样的数据。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, help="新目录，不能已经有内容")

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise CommandError(f"{directory} 已有内容，没有写入。请给一个新的目录名。")
        partial = directory.with_name(f"{directory.name}.partial")
        try:
            partial.mkdir(parents=True, mode=0o700)
        except FileExistsError as error:
            raise CommandError(f"{partial} 已存在（上次没有写完），请先移走。") from error
        is_nested = connection.in_atomic_block
        with transaction.atomic():
            if not is_nested:  # one state of all tables, whatever is approved meanwhile
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            writer = accounts.Writer(partial)
            accounts.dump(writer, districts_too={"rank_pools": indicators.rank_pools()})
            indicators.dump(writer)
            projects.dump(writer)
            left = {said: apps.get_model(model)._default_manager.count() for model, said in LEFT_OUT.items()}
            is_demo = Source.objects.filter(kind=Source.Kind.DEMO).exists()
        if directory.exists():
            directory.rmdir()
        partial.rename(directory)
        self.stdout.write(f"已写入 {directory}：")
        for name, count in writer.counts.items():
            self.stdout.write(f"  {name}：{count} 条")
        self.stdout.write("数据文件写不下、因此不在其中的：")
        for said, count in left.items():
            if count:
                self.stdout.write(f"  {said}：{count} 条")
        self.stdout.write(f"  {SAID}")
        if is_demo:
            self.stdout.write("这里有演示数据：正式的系统不会装载它。")
