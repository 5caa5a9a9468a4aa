"""Definitions on the whole way: file → child process → staged → confirmed → undone."""

from __future__ import annotations

import io
import json
from pathlib import Path

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from indicators.models import Indicator
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.imports import actions, pipeline
from lvyuan.imports.blank import blank_workbook, columns_of
from lvyuan.imports.models import ImportJob
from lvyuan.imports.records import RecordKind
from lvyuan.imports.registry import ImportRefused, PreviewOutdated, get_kind, guess_kind, kinds
from tests.imports.corpus import cases
from tests.imports.files import csv_bytes

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "article"
KINDS = [kind.code for kind in kinds() if isinstance(kind, RecordKind)]
ROWS = (
    ["区划", "部门代码", "部门名称", "部门简称", "联系电话"],
    ["绿园区", "xyz", "绿园区某局", "某局", "0431-1"],
    ["绿园区", "gxj", "", "工信", ""],
)


def upload(cast, kind: str, content: bytes, name: str, **answers: str) -> ImportJob:
    job, _is_new = actions.upload_file(by=cast.admin, upload=SimpleUploadedFile(name, content), kind=kind)
    return actions.answer_job(by=cast.admin, job=job, answers=answers) if answers else job


def workbook(*rows: list[object]) -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(target)
    return target.getvalue()


def test_departments_from_a_workbook_and_back(cast):
    job = upload(cast, "departments", workbook(["绿园区部门名单"], [], *ROWS), "部门.xlsx")
    assert job.state == ImportJob.State.PREVIEWED
    assert job.preview["counts"] == {"new": 1, "changed": 1, "same": 0, "refused": 0}
    assert pipeline.page(job, cast.admin, status="changed").rows[0].new == "部门简称：工信"
    actions.confirm_job(by=cast.admin, job=job)
    found = Department.objects.get(code="xyz")
    assert (found.name, found.phone) == ("绿园区某局", "0431-1")
    assert Event.objects.about(found).first().actor_id == cast.admin.pk
    job.refresh_from_db()
    assert actions.undo_obstacles(by=cast.admin, job=job) == []
    actions.undo_job(by=cast.admin, job=job, reason="录错了")
    assert not Department.objects.filter(code="xyz").exists()
    assert Department.objects.get(code="gxj").short_name == "工信局"
    job.refresh_from_db()
    assert job.state == ImportJob.State.UNDONE


def test_faults_stop_the_confirmation_unless_only_valid_rows_are_wanted(cast):
    job = upload(cast, "departments", csv_bytes(*ROWS, ["绿园区", "b d", "另局", "另局", ""]), "部门.csv")
    assert job.preview["counts"]["refused"] == 1
    with pytest.raises(ImportRefused):
        actions.confirm_job(by=cast.admin, job=job)
    actions.confirm_job(by=cast.admin, job=job, valid_only=True, reason="另局待定")
    assert Department.objects.filter(code="xyz").exists()


def test_change_after_the_preview_stages_anew(cast):
    job = upload(cast, "departments", csv_bytes(*ROWS), "部门.csv")
    Department.objects.filter(code="gxj").update(phone="1")
    with pytest.raises(PreviewOutdated):
        actions.confirm_job(by=cast.admin, job=job)
    assert not Department.objects.filter(code="xyz").exists()
    actions.confirm_job(by=cast.admin, job=job)
    assert Department.objects.get(code="gxj").short_name == "工信"


def test_question_of_the_district(cast):
    rows = [row[1:] for row in ROWS]
    job = upload(cast, "departments", csv_bytes(*rows), "部门.csv")
    assert [question["code"] for question in job.preview["questions"]] == ["district:1"]
    assert job.state == ImportJob.State.ASKING
    job = actions.answer_job(by=cast.admin, job=job, answers={"district:1": "220106"})
    assert job.preview["counts"]["new"] == 1


@pytest.mark.parametrize(
    ("file", "kind", "count"),
    [
        ("districts.json", "districts", 6),
        ("departments.json", "departments", None),
        ("indicators.json", "indicators", None),
        ("strategy.json", "strategy", None),
        ("strategy.json", "plans", 1),
        ("targets.json", "targets", None),
        ("places.json", "places", 27),
        ("projects.json", "named_projects", 11),
        ("projects.json", "project_lists", 1),
    ],
)
def test_fixtures_that_are_loaded_change_nothing(cast, file, kind, count):
    content = (FIXTURES / file).read_bytes()
    job = upload(cast, kind, content, file)
    assert [question.text for question in pipeline.questions_of(job)] == []
    assert [(problem.line, problem.message) for problem in job.problems.all()] == []
    section = get_kind(kind).section
    counts = job.preview["counts"]
    assert counts == {"new": 0, "changed": 0, "refused": 0, "same": len(json.loads(content)[section])}
    assert count is None or counts["same"] == count


def test_django_dump_with_its_own_keys(cast):
    dump = [
        {
            "model": "accounts.district",
            "pk": 9001,
            "fields": {"code": "330100", "name": "杭州市", "short_name": "杭州"},
        },
        {
            "model": "accounts.district",
            "pk": 9002,
            "fields": {"code": "330102", "name": "上城区", "short_name": "上城", "parent": 9001},
        },
        {
            "model": "accounts.department",
            "pk": 7,
            "fields": {
                "district": 9002,
                "code": "sctj",
                "name": "上城区统计局",
                "short_name": "统计局",
                "is_assumed": True,
            },
        },
    ]
    content = json.dumps(dump).encode()
    actions.confirm_job(by=cast.admin, job=upload(cast, "districts", content, "库.json"))
    assert District.objects.get(code="330102").parent.code == "330100"
    actions.confirm_job(by=cast.admin, job=upload(cast, "departments", content, "库.json"))
    found = Department.objects.get(code="sctj")
    assert (found.district.code, found.is_assumed) == ("330102", True)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("departments.json", "departments"), ("indicators.json", "indicators"), ("targets.json", "targets")],
)
def test_kind_is_guessed_from_the_columns(cast, file, kind):
    job = upload(cast, "departments", (FIXTURES / file).read_bytes(), file)
    assert guess_kind(pipeline.book_of(job)) == kind


def test_kind_of_figures_is_not_guessed(cast):
    content = csv_bytes(["指标", "时期", "数值"], ["industrial_output", "2023年1—7月", "254.1"])
    job = upload(cast, "departments", content, "七月.csv")
    assert guess_kind(pipeline.book_of(job)) == ""


# Files that must not get in


@pytest.mark.parametrize("item", cases("kinds"), ids=lambda item: item.name)
def test_corpus(cast, item, tmp_path):
    events = Event.objects.exclude(model__startswith="imports.").count()
    item.write(tmp_path / item.name)
    job = upload(cast, item.kind, (tmp_path / item.name).read_bytes(), item.name)
    assert tuple(question.code for question in pipeline.questions_of(job)) == item.asks
    found = {(problem.sheet, problem.line, problem.column): problem for problem in job.problems.all()}
    if item.refused:
        assert item.refused in found[item.place].message
        assert found[item.place].remedy
        with pytest.raises(ImportRefused):
            actions.confirm_job(by=cast.admin, job=job)
    assert Event.objects.exclude(model__startswith="imports.").count() == events


# Empty workbooks


@pytest.mark.parametrize("code", KINDS)
def test_empty_workbook_is_understood_by_its_kind(cast, code, tmp_path):
    kind = get_kind(code)
    path = tmp_path / "empty.xlsx"
    path.write_bytes(blank_workbook(kind))
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    titles = [cell.value for cell in sheet[1]]
    assert titles == [one.title for one, _is_required in columns_of(kind)]
    assert len(set(titles)) == len(titles)
    assert all(cell.comment.text.startswith(("必填", "可空")) for cell in sheet[1])
    sheet.append(["1"] * len(titles))
    book.save(path)
    understood = kind.layout(pipeline.read(path, ".xlsx"), {}, cast.admin)
    assert understood.problems == []
    assert [use.use for use in understood.columns if use.table == 1] == titles


def test_examples_of_an_empty_workbook_can_be_read(cast):
    """What the comments show as an example is what the columns take."""
    head, row = zip(*[(one.title, one.example) for one, _ in columns_of(get_kind("indicators"))], strict=True)
    new = ["example_indicator" if cell == "industrial_output" else cell for cell in row]
    job = upload(
        cast,
        "indicators",
        workbook(list(head), ["例" if h == "指标名称" else c for h, c in zip(head, new, strict=True)]),
        "例.xlsx",
    )
    assert [problem.message for problem in job.problems.all()] == []
    actions.confirm_job(by=cast.admin, job=job)
    assert Indicator.objects.get(code="example_indicator").owner.short_name == "工信局"


def test_empty_workbook_is_for_admins(signed_in):
    address = reverse("imports:kind-template", args=["departments"])
    assert signed_in("leader").get(address).status_code == 403
    response = signed_in("admin").get(address)
    assert response.status_code == 200
    assert response["Content-Type"].endswith("spreadsheetml.sheet")
    assert openpyxl.load_workbook(io.BytesIO(response.content)).sheetnames == ["数据", "填写说明"]
    assert signed_in("admin").get(reverse("imports:kind-template", args=["observations"])).status_code == 404
