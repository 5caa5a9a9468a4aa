"""`manage.py import_file FILE`: the import pages' pipeline for scripts, and for the operator of the server."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lvyuan.accounts.models import User
from lvyuan.audit.context import acting
from lvyuan.imports import actions, pipeline
from lvyuan.imports.book import Book
from lvyuan.imports.models import ImportJob, ImportProblem
from lvyuan.imports.registry import ImportRefused, Kind, Question, get_kind, guess_kind, kinds
from lvyuan.imports.table import Table

DONE, REFUSED, ASKING = 0, 1, 2  # exit codes
TOLD_ERRORS = 1_000
State = ImportJob.State


class _RolledBack(Exception):
    """Ends a transaction of which nothing is to stay."""


class Command(BaseCommand):
    help = (
        "导入一份文件，与网页走同一条路：全部成功或全部不变。--by 以某位管理员的名义（数据送审），"
        "不写则以服务器操作员的名义直接生效。退出码：0 成功或无变化，1 拒绝，2 有待答复的问题。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--as", dest="kind", help=f"内容：{'、'.join(kind.code for kind in kinds())}")
        parser.add_argument("--sheet", default="", help="只读这张工作表")
        parser.add_argument("--mapping", type=Path, help="答复的 JSON 文件：{问题代码: 答复}")
        parser.add_argument("--answer", action="append", default=[], metavar="代码=答复", help="一个答复，可写多次")
        parser.add_argument("--by", default="", metavar="用户名")
        parser.add_argument("--dry-run", action="store_true", help="只核对，什么都不写")
        parser.add_argument("--valid-only", action="store_true", help="只导入无误的行，须写 --reason")
        parser.add_argument("--reason", default="")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出结果")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = self.run(options)
        except (ImportRefused, PermissionDenied) as refused:
            told = {"status": "refused", "message": str(refused)}
        except OSError as error:
            told = {"status": "refused", "message": f"读不了文件 {options['file']}：{error.strerror}。"}
        told = {"status": "", "message": "", "counts": {}, "errors": [], "questions": []} | told
        self.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) if options["json"] else _in_words(told))
        code = {"refused": REFUSED, "asking": ASKING}.get(str(told["status"]), DONE)
        if code:
            raise SystemExit(code)

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        by, answers = _person(options["by"]), _answers(options["mapping"], options["answer"])
        origin = {} if by else {"origin": f"import_file {options['file'].name}"}
        with acting(reason=f"导入 {options['file'].name}", **origin), pipeline.received_path(options["file"]) as file:
            book = pipeline.read(file.path, file.suffix)
            if options["sheet"]:
                book.tables = _of_sheet(book, options["sheet"])
            kind, question = _kind(options["kind"], book, answers, by)
            if kind is None:
                return {"status": "asking", "questions": [question]}
            told: dict[str, Any] = {}
            try:
                with transaction.atomic():
                    told = self.take(by, file, kind, book, answers, options)
                    if options["dry_run"] or told["status"] in ("asking", "refused", "unchanged"):
                        raise _RolledBack
                    file.keep()
            except _RolledBack:
                told["job"] = None
            return told

    def take(
        self,
        by: User | None,
        file: pipeline.Received,
        kind: Kind,
        book: Book,
        answers: dict[str, str],
        options: dict[str, Any],
    ) -> dict[str, Any]:
        job = actions.stage_book(by=by, file=file, kind=kind.code, book=book, answers=answers)
        told: dict[str, Any] = {
            "job": job.pk,
            "kind": kind.code,
            "counts": job.preview["counts"],
            "errors": [_error(problem) for problem in job.problems.all()[:TOLD_ERRORS]],
            "questions": [_question(one) for one in pipeline.questions_of(job) if not one.told],
        }
        if job.state == State.ASKING:
            return told | {"status": "asking", "message": "有待答复的问题，没有写入任何数据。"}
        if pipeline.is_refused(job) and not options["valid_only"]:
            return told | {"status": "refused", "message": "文件里有错误，没有写入任何数据。"}
        if not pipeline.changes(job):
            return told | {"status": "unchanged", "message": "没有新的、有变化的数据。"}
        if options["dry_run"]:
            return told | {"status": "checked", "message": "可以导入；这次只核对，没有写入任何数据。"}
        actions.confirm_staged(by=by, job=job, valid_only=options["valid_only"], reason=options["reason"])
        reviewed = kind.is_reviewed and by is not None
        return told | {"status": "submitted" if reviewed else "done", "message": "已送审。" if reviewed else "已生效。"}


def _person(username: str) -> User | None:
    if not username:
        return None
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise CommandError(f"没有用户名为“{username}”的在用账号，没有写入任何数据。", returncode=REFUSED)
    return found


def _answers(mapping: Path | None, given: list[str]) -> dict[str, str]:
    answers: dict[str, str] = {}
    if mapping:
        try:
            said = json.loads(mapping.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ImportRefused(f"{mapping} 不是有效的 JSON，没有写入任何数据。") from error
        if not isinstance(said, dict):
            raise ImportRefused(f"{mapping} 应是 {{问题代码: 答复}}，没有写入任何数据。")
        answers |= {str(code): str(value) for code, value in said.items()}
    for one in given:
        code, equals, value = one.partition("=")
        if not equals:
            raise ImportRefused(f"“{one}”应写成 代码=答复，没有写入任何数据。")
        answers[code] = value
    return answers


def _of_sheet(book: Book, name: str) -> list[Table]:
    tables = [table for table in book.tables if table.sheet == name]
    if not tables:
        there = "、".join(dict.fromkeys(f"“{table.sheet}”" for table in book.tables))
        raise ImportRefused(f"没有工作表“{name}”；有数据的工作表：{there}。没有写入任何数据。")
    return tables


def _kind(code: str | None, book: Book, answers: dict[str, str], by: User | None) -> tuple[Kind | None, dict[str, Any]]:
    """The kind that was named, or the only one that understands the file; else the question which."""
    if code:
        return get_kind(code), {}
    may = [kind for kind in kinds() if by is None or kind.may_import(by)]
    fits = [kind for kind in may if not kind.layout(book, answers, by or pipeline.OPERATOR).problems]
    if len(fits) == 1:
        return fits[0], {}
    options = [[kind.code, str(kind.label)] for kind in fits or may]
    text = "文件里是什么内容？请用 --as 写明。"
    return None, {"code": "kind", "text": text, "place": "", "options": options, "suggested": guess_kind(book)}


def _error(problem: ImportProblem) -> dict[str, Any]:
    return {
        "sheet": problem.sheet,
        "row": problem.line or None,
        "column": problem.column,
        "severity": problem.severity,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "text": question.text,
        "place": question.place,
        "options": [list(option) for option in question.options],
        "suggested": question.suggested,
    }


def _in_words(told: dict[str, Any]) -> str:
    lines = [str(told["message"])] if told["message"] else []
    if told["counts"]:
        names = {"new": "新增", "changed": "更新", "same": "未变", "refused": "有误"}
        lines.append("，".join(f"{name} {told['counts'].get(code, 0)}" for code, name in names.items()))
    for error in told["errors"]:
        sheet = f"工作表“{error['sheet']}”" if error["sheet"] else ""
        line = f"第{error['row']}行" if error["row"] else ""
        lines.append(f"{sheet}{line}{error['column']}：{error['message']}。{error['remedy']}。".lstrip("："))
    for question in told["questions"]:
        choices = "；".join(f"{value}＝{label}" for value, label in question["options"])
        lines.append(f"问题 {question['code']}：{question['place']}{question['text']} {choices}".rstrip())
    return "\n".join(lines)
