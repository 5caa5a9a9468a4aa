"""`manage.py import_file`: the same pipeline, told as JSON; nothing stays of what was refused or only tried."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from indicators.models import Entry, StagedFigure, Vintage
from lvyuan.audit.models import Event
from lvyuan.imports.models import ImportJob, ImportProblem
from tests.imports import files
from tests.indicators.factories import imported

pytestmark = pytest.mark.django_db
HEADER = ["指标", "时期", "数值", "同比增长"]
JULY = ["industrial_output", "2023年1—7月", "254.10", "16.2"]


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def july(tmp_path) -> Path:
    path = tmp_path / "七月.csv"
    path.write_bytes(files.csv_bytes(HEADER, JULY))
    return path


def run(path: Path, *args: str) -> tuple[int, dict]:
    """Exit code and what was told."""
    out, code = StringIO(), 0
    try:
        call_command("import_file", str(path), "--json", *args, stdout=out)
    except SystemExit as end:
        code = int(end.code)
    return code, json.loads(out.getvalue())


def nothing_is_left(settings) -> bool:
    folder = Path(settings.DATA_DIR) / "imports"
    kept = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    rows = [model.objects.exists() for model in (ImportJob, StagedFigure, ImportProblem)]
    return not kept and not any(rows) and not imported().exists()


def test_dry_run_tells_what_would_be_and_leaves_nothing(july, cast, settings):
    code, told = run(july, "--as", "observations", "--by", "t-admin", "--dry-run")
    assert (code, told["status"], told["job"]) == (0, "checked", None)
    assert told["counts"] == {"new": 1, "changed": 0, "same": 0, "refused": 0}
    assert nothing_is_left(settings)


def test_by_an_admin_it_waits_for_a_reviewer(july, cast):
    code, told = run(july, "--as", "observations", "--by", "t-admin")
    assert (code, told["status"]) == (0, "submitted")
    job = ImportJob.objects.get(pk=told["job"])
    assert (job.state, job.created_by, imported().get().state) == ("confirmed", cast.admin, "submitted")
    assert Event.objects.about(job).filter(actor_id=cast.admin.pk).exists()


def test_by_the_operator_it_holds_at_once(july, db):
    code, told = run(july, "--as", "observations")
    assert (code, told["status"]) == (0, "done")
    vintage = Vintage.objects.get(
        observation__indicator__code="industrial_output", observation__period_end="2023-07-31"
    )
    assert (str(vintage.value), vintage.source.file_name, vintage.approved_by) == ("254.10", "七月.csv", None)
    assert Event.objects.about(vintage).get().origin == "import_file 七月.csv"
    code, told = run(july, "--as", "observations")
    assert (code, told["status"], told["counts"]["same"]) == (0, "unchanged", 1)


def test_errors_name_place_and_remedy(tmp_path, cast, settings):
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv_bytes(HEADER, JULY, ["industrial_output", "2022年1—7月", "x", ""]))
    code, told = run(path, "--as", "observations", "--by", "t-admin")
    assert (code, told["status"]) == (1, "refused")
    assert [(error["row"], error["severity"], error["message"]) for error in told["errors"]] == [
        (3, "mandatory", "“x”不是认得的数据写法")
    ]
    assert told["errors"][0]["remedy"]
    assert nothing_is_left(settings)


def test_valid_rows_only_with_a_reason(tmp_path, cast, settings):
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv_bytes(HEADER, JULY, ["industrial_output", "2022年1—7月", "x", ""]))
    told = ("--as", "observations", "--by", "t-admin", "--valid-only")
    assert run(path, *told)[0] == 1
    assert nothing_is_left(settings)
    code, said = run(path, *told, "--reason", "其余下月补")
    assert (code, said["status"], Entry.objects.filter(submission=imported().get()).count()) == (0, "submitted", 1)
    assert ImportJob.objects.get().reason == "其余下月补"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.csv", b"MZ\x90\x00", "程序"), ("a.exe", b"MZ", "只接受"), ("none.csv", None, "读不了文件")],
)
def test_refused_files(tmp_path, cast, settings, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, told = run(path, "--as", "observations", "--by", "t-admin")
    assert (code, told["status"]) == (1, "refused")
    assert message in told["message"]
    assert nothing_is_left(settings)


def test_open_question_and_its_answer(tmp_path, cast, settings):
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv_bytes(["指标", "时期", "数值"], ["industrial_output", "2023.7", "254.1"]))
    code, told = run(path, "--as", "observations", "--by", "t-admin")
    assert (code, told["status"]) == (2, "asking")
    assert nothing_is_left(settings)
    (question,) = told["questions"]
    assert question["text"]
    mapping = tmp_path / "answers.json"
    mapping.write_text(json.dumps({question["code"]: question["options"][0][0]}))
    code, told = run(path, "--as", "observations", "--by", "t-admin", "--mapping", str(mapping), "--dry-run")
    assert (code, told["questions"]) == (0, [])


def test_kind_that_is_not_told_is_asked_and_the_likeliest_suggested(tmp_path, cast, settings):
    """The key of 区划 and 部门 alike is there; the other columns are those of departments."""
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv_bytes(["区划", "代码", "部门名称", "部门简称"], ["220106", "xyz", "某某局", "某局"]))
    code, told = run(path, "--by", "t-admin")
    (question,) = told["questions"]
    assert (code, told["status"], question["code"]) == (2, "asking", "kind")
    assert question["suggested"] == "departments"
    assert nothing_is_left(settings)


def test_sheet_that_is_not_there(tmp_path, cast):
    path = files.workbook(tmp_path / "a.xlsx", HEADER, JULY)
    code, told = run(path, "--as", "observations", "--sheet", "别的")
    assert (code, told["message"]) == (1, "没有工作表“别的”；有数据的工作表：“数据”。没有写入任何数据。")
    assert run(path, "--as", "observations", "--sheet", "数据", "--dry-run")[0] == 0


def test_only_admins(july, cast, settings):
    code, told = run(july, "--as", "observations", "--by", "t-staff")
    assert (code, told["message"]) == (1, "只有管理员可以导入数据，没有保存任何内容。")
    assert nothing_is_left(settings)
    with pytest.raises(CommandError, match="没有用户名为“nobody”的在用账号"):
        run(july, "--by", "nobody")


def test_words_for_people(tmp_path, cast):
    path, out = tmp_path / "a.csv", StringIO()
    path.write_bytes(files.csv_bytes(HEADER, ["industrial_output", "2022年1—7月", "x", ""]))
    with pytest.raises(SystemExit):
        call_command("import_file", str(path), "--as", "observations", stdout=out)
    assert out.getvalue().splitlines()[:2] == ["文件里有错误，没有写入任何数据。", "新增 0，更新 0，未变 0，有误 1"]
    assert "第2行" in out.getvalue()
