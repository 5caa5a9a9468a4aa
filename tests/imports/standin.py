"""A kind of content that stands in for the real ones: two columns, one question, and nothing is written."""

from __future__ import annotations

from types import SimpleNamespace

from lvyuan.imports.models import StagedRecord
from lvyuan.imports.problems import Problems
from lvyuan.imports.registry import ColumnUse, ImportRefused, Layout, Problem, Question, ShownRow

MANY_COLUMNS = [(f"x{number}", f"另一指标{number}") for number in range(60)]


class StandIn:
    """Rows of 名称, 数值; a value that is no number refuses its row, 旧 is changed, 同 the same, others are new."""

    code, label, about = "standin", "试用内容", "只在测试里有。"

    def __init__(self) -> None:
        self.is_reviewed = True
        self.asks = False
        self.obstacles: list[str] = []
        self.done: list[tuple[str, object]] = []
        self.result = None

    def may_import(self, user) -> bool:
        return True

    def layout(self, book, answers, user) -> Layout:
        layout = Layout()
        for table in book.tables:
            for place, head in enumerate(table.heads, 1):
                code = f"column:{table.number}:{head.letter or place}"
                use = "数值" if answers.get(code) == "value" else ""
                use = use or (head.name if head.name in ("名称", "数值") else "")
                layout.columns.append(
                    ColumnUse(
                        table=table.number,
                        sheet=table.sheet,
                        letter=head.letter,
                        name=head.name,
                        use=use,
                        code=code,
                        choices=[("name", "名称"), ("value", "数值"), *(MANY_COLUMNS if head.name == "很多" else [])],
                    )
                )
        if self.asks:
            layout.questions += [
                Question(
                    code="unit:1:B",
                    text="“数值”是什么单位？",
                    place="第1行B列",
                    options=[("yuan", "元"), ("wan", "万元")],
                    suggested="wan",
                    told=answers.get("unit:1:B", ""),
                ),
                Question(
                    code="source:1",
                    text="数据来源是什么？",
                    told=answers.get("source:1", "统计局"),
                    is_remembered="source:1" not in answers,
                ),
                Question(
                    code="district:1",
                    text="是哪个区？",
                    options=[(f"d{number}", f"{number}区") for number in range(9)],
                    told=answers.get("district:1", ""),
                ),
            ]
        return layout

    def stage(self, job, book, layout, user, progress) -> None:
        problems, rows, seq = Problems(job), [], 0
        for table in book.tables:
            for row in table.rows:
                name, value = (str(cell) for cell in row.cells[:2])
                status = {"旧": "changed", "同": "same"}.get(name, "new")
                if not value.replace(".", "").isdigit():
                    status = "refused"
                    problems.add(
                        Problem(
                            sheet=table.sheet,
                            line=row.line,
                            column="B",
                            message=f"“{value}”不是数",
                            remedy="请填写数字",
                            group="不是数",
                        )
                    )
                elif name == "疑":
                    problems.add(
                        Problem(line=row.line, message="比上期大很多", remedy="请核对", severity="verify", group="变动")
                    )
                seq += 1
                data = {"name": name, "value": value}
                rows.append(StagedRecord(job=job, seq=seq, line=row.line, column="B", status=status, data=data))
        StagedRecord.objects.bulk_create(rows)
        problems.save()

    def staged(self, job):
        return StagedRecord.objects.filter(job=job).order_by("seq")

    def shown(self, rows, user) -> list[ShownRow]:
        return [
            ShownRow(
                place=f"第{row.line}行B列",
                key=row.key,
                title=row.data["name"],
                period="2023年",
                old="1" if row.status != "new" else "",
                new=row.data["value"],
                status=row.status,
            )
            for row in rows
        ]

    def commit(self, job, by):
        self.done.append(("commit", job.pk))
        return SimpleNamespace()

    def undo_obstacles(self, job, user) -> list[str]:
        return self.obstacles

    def undo(self, job, by, reason) -> None:
        if self.obstacles:
            raise ImportRefused("不能撤销")
        self.done.append(("undo", reason))

    def outcomes(self, jobs, user):
        return {job.pk: self.result for job in jobs if self.result}
