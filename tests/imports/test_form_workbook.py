"""The form as a workbook: what it holds, what is read back, what is refused, and who may."""

from __future__ import annotations

import datetime as dt
import io

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from indicators import actions
from indicators.cells import Cell
from indicators.imports.form_workbook import ENTRIES, HEADINGS, SEAL
from indicators.models import Assignment, Entry, Round, Submission
from lvyuan.accounts.models import District
from lvyuan.imports.models import ImportJob
from lvyuan.imports.pipeline import import_path
from tests.indicators.factories import HOME, many_indicators

FORM = "/rounds/2023-07/gxj/"
HEADER = 4


@pytest.fixture
def staff(signed_in, cast):
    """Staff of 工信局, who owe industrial_output and extra-0 in the round of July 2023."""
    (extra,) = many_indicators(1)
    department = cast.staff.department
    Assignment.objects.create(
        district=department.district, indicator=extra, department=department, valid_from=dt.date(2020, 1, 1)
    )
    return signed_in("staff")


def downloaded(client) -> openpyxl.Workbook:
    response = client.get(f"{FORM}form.xlsx")
    assert response.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))


def cell_of(workbook, indicator: str, heading: str):
    sheet = workbook["填报表"]
    heads = {cell.value: cell.column for cell in sheet[HEADER]}
    for row in sheet.iter_rows(min_row=HEADER + 1):
        if f"|{indicator}|" in str(row[heads["系统编号（勿改）"] - 1].value):
            return row[heads[heading] - 1]
    raise AssertionError(indicator)


def upload(client, workbook, name="填报表.xlsx"):
    target = io.BytesIO()
    workbook.save(target)
    return client.post(f"{FORM}upload/", {"file": SimpleUploadedFile(name, target.getvalue())})


def texts() -> dict[str, str]:
    return {entry.indicator.code: str(entry.value) for entry in Entry.objects.select_related("indicator")}


def test_workbook_is_prefilled_locked_and_sealed(staff):
    sheet = downloaded(staff)["填报表"]
    assert [cell.value for cell in sheet[HEADER]] == list(HEADINGS)
    assert sheet.protection.sheet
    locked = {cell.value: sheet.cell(HEADER + 1, cell.column).protection.locked for cell in sheet[HEADER]}
    assert [name for name, is_locked in locked.items() if not is_locked][:2] == ["本期数", "同比增长（%）"]
    assert locked[SEAL]
    hidden = [cell.value for cell in sheet[HEADER] if sheet.column_dimensions[cell.column_letter].hidden]
    assert hidden == list(HEADINGS[len(HEADINGS) - len(ENTRIES) - 2 :])
    lists = {rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert '"NA,…,—,***"' in lists
    assert any("按总量" in rule for rule in lists)
    assert "指标代码" in sheet.cell(HEADER + 1, 1).comment.text
    assert sheet.page_setup.paperSize == 9


def test_changed_cells_are_previewed_and_then_written(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "本期数").value = "254.10"
    cell_of(workbook, "industrial_output", "说明").value = "=新投产"
    cell_of(workbook, "industrial_output", "说明").data_type = "s"
    response = upload(staff, workbook)
    assert response.status_code == 302
    assert texts() == {}
    page = staff.get(response["Location"]).content.decode()
    assert "254.10" in page
    assert "2 格" in page
    job = ImportJob.objects.get()
    assert (job.kind, job.state, job.file_name) == ("form", "previewed", "填报表.xlsx")
    assert import_path(job.sha256).exists()
    assert staff.post(response["Location"], {"do": "write"}).status_code == 302
    assert texts() == {"industrial_output": "254.10"}
    assert Entry.objects.get().note == "=新投产"
    job.refresh_from_db()
    assert job.state == "confirmed"
    assert Submission.objects.get(round__code="2023-07", department__code="gxj").state == "draft"


def test_an_untouched_workbook_changes_nothing(staff):
    response = upload(staff, downloaded(staff))
    assert response["Location"] == FORM
    assert not ImportJob.objects.exists()


def test_a_colleagues_newer_text_is_chosen_cell_by_cell(staff, cast):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "本期数").value = "250"
    cell_of(workbook, "extra-0", "同比增长（%）").value = "5.6"
    written = Cell(indicator="industrial_output", field="value", text="260", seen="")
    department = cast.staff.department
    actions.save_cells(by=cast.staff, code="2023-07", department=department, cells=[written])
    address = upload(staff, workbook)["Location"]
    page = staff.get(address).content.decode()
    assert "系统里已经改过" in page
    assert "260" in page
    refused = staff.post(address, {"do": "write"})
    assert refused.status_code == 409
    assert texts() == {"industrial_output": "260"}
    assert staff.post(address, {"do": "write", "keep-industrial_output-value": "mine"}).status_code == 302
    assert texts()["industrial_output"] == "250"
    assert str(Entry.objects.get(indicator__code="extra-0").growth) == "5.6"


def test_theirs_is_kept_on_request(staff, cast):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "本期数").value = "250"
    written = Cell(indicator="industrial_output", field="value", text="260", seen="")
    actions.save_cells(by=cast.staff, code="2023-07", department=cast.staff.department, cells=[written])
    address = upload(staff, workbook)["Location"]
    assert staff.post(address, {"do": "write", "keep-industrial_output-value": "theirs"}).status_code == 302
    assert texts() == {"industrial_output": "260"}


def test_one_bad_cell_keeps_everything_from_being_written(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "本期数").value = "约莫二百"
    cell_of(workbook, "extra-0", "同比增长（%）").value = "5.6"
    address = upload(staff, workbook)["Location"]
    page = staff.get(address).content.decode()
    assert "不能写入" in page
    assert "约莫二百" in page
    assert staff.post(address, {"do": "write"}).status_code == 409
    assert not Entry.objects.exists()


def test_structure_that_was_changed_is_refused_with_place_and_remedy(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "extra-0", "同比增长（%）").value = "5.6"
    cell_of(workbook, "extra-0", "计量单位").value = "万元"
    response = upload(staff, workbook)
    page = response.content.decode()
    assert response.status_code == 422
    assert "填报表" in page
    assert "被改过" in page
    assert "重新下载" in page
    assert not ImportJob.objects.exists()


def test_a_line_that_was_added_is_refused(staff):
    workbook = downloaded(staff)
    sheet = workbook["填报表"]
    sheet.cell(sheet.max_row + 1, 1, "自己加的指标")
    sheet.cell(sheet.max_row, 8, "12")
    response = upload(staff, workbook)
    assert response.status_code == 422
    assert "不是系统发出的" in response.content.decode()


def test_a_choice_outside_the_list_is_refused(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "位次依据").value = "按心情"
    response = upload(staff, workbook)
    assert response.status_code == 422
    assert "按总量" in response.content.decode()


def test_choices_come_back_as_codes(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "位次").value = 2
    cell_of(workbook, "industrial_output", "位次依据").value = "按增速"
    address = upload(staff, workbook)["Location"]
    assert staff.post(address, {"do": "write"}).status_code == 302
    entry = Entry.objects.get()
    assert (entry.rank_place, entry.rank_by) == (2, "growth")


def test_another_forms_workbook_and_any_other_file_are_named(staff):
    district, now = District.objects.get(code=HOME), timezone.now()
    Round.objects.create(
        district=district, code="2023-08", month=dt.date(2023, 8, 31), kind="backfill", opens_at=now - dt.timedelta(1)
    )
    workbook = downloaded(staff)
    target = io.BytesIO()
    workbook.save(target)
    response = staff.post("/rounds/2023-08/gxj/upload/", {"file": SimpleUploadedFile("a.xlsx", target.getvalue())})
    assert response.status_code == 422
    assert "2023-07" in response.content.decode()
    plain = openpyxl.Workbook()
    plain.active.append(["指标", "数值"])
    plain.active.append(["gdp", 1])
    response = upload(staff, plain)
    assert response.status_code == 422
    assert "没有系统发出的填报表" in response.content.decode()
    assert upload(staff, plain, "填报表.exe").status_code == 422


def test_giving_up_writes_nothing(staff):
    workbook = downloaded(staff)
    cell_of(workbook, "extra-0", "同比增长（%）").value = "5.6"
    address = upload(staff, workbook)["Location"]
    assert staff.post(address, {"do": "drop"}).status_code == 302
    assert ImportJob.objects.get().state == "cancelled"
    assert staff.post(address, {"do": "write"}).status_code == 409
    assert not Entry.objects.exists()


def test_only_the_departments_own_staff(staff, signed_in):
    workbook = downloaded(staff)
    cell_of(workbook, "extra-0", "同比增长（%）").value = "5.6"
    address = upload(staff, workbook)["Location"]
    for role, status in (("staff2", 404), ("reviewer", 403), ("leader", 403), ("admin", 403), ("auditor", 403)):
        client = signed_in(role)
        assert client.get(f"{FORM}form.xlsx").status_code == status
        assert upload(client, workbook).status_code == status
        assert client.get(address).status_code == status
        assert client.post(address, {"do": "write"}).status_code == status
    assert not Entry.objects.exists()


def test_locked_form_gives_out_nothing_to_fill(staff, cast):
    sheet = downloaded(staff)["填报表"]
    assert sheet.cell(HEADER + 1, 8).protection.locked is False
    form = Submission.objects.get(round__code="2023-07", department__code="gxj")
    Submission.objects.filter(pk=form.pk).update(
        state="submitted", submitted_by=cast.staff, submitted_at=timezone.now()
    )
    sheet = downloaded(staff)["填报表"]
    assert sheet.cell(HEADER + 1, 8).protection.locked is True
