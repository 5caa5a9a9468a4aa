"""LibreOffice opens, recalculates and saves our workbooks; what it saved imports as what we gave out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from indicators.models import Entry, Vintage
from lvyuan.imports import pipeline
from tests.imports.test_form_workbook import FORM, cell_of, downloaded, staff  # noqa: F401

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")


@pytest.fixture(autouse=True)
def _office():
    if SOFFICE is None:
        if os.environ.get("REQUIRE_OFFICE") == "1":
            pytest.fail("LibreOffice is not installed")
        pytest.skip("LibreOffice is not installed")


def saved(files: list[Path], suffix: str) -> list[Path]:
    """The files as LibreOffice saves them; one start for all of them."""
    folder = files[0].parent / f"saved-{suffix}"
    subprocess.run(
        [
            str(SOFFICE),
            f"-env:UserInstallation=file://{files[0].parent}/profile",
            "--headless",
            "--norestore",
            "--convert-to",
            suffix,
            "--outdir",
            str(folder),
            *map(str, files),
        ],
        check=True,
        timeout=180,
        capture_output=True,
    )
    return [folder / file.with_suffix(f".{suffix}").name for file in files]


def tables(path: Path, tmp_path: Path) -> list[list[list[str]]]:
    """All tables of a file as the import reads them, head and rows."""
    copy = tmp_path / f"read-{path.parent.name}{path.suffix}"
    shutil.copy(path, copy)
    book = pipeline.read(copy, path.suffix)
    return [[[head.name for head in table.heads], *(row.cells for row in table.rows)] for table in book.tables]


def formats(path: Path) -> list[tuple[object, str]]:
    """Every number of the export with the format that shows its own decimals."""
    rows = openpyxl.load_workbook(path)["数据长表"].iter_rows()
    return [(cell.value, cell.number_format) for row in rows for cell in row if cell.data_type == "n" and cell.value]


def test_template_and_export_survive(staff, tmp_path):  # noqa: F811
    form = tmp_path / "form.xlsx"
    workbook = downloaded(staff)
    cell_of(workbook, "industrial_output", "本期数").value = "254.10"
    cell_of(workbook, "industrial_output", "位次").value = 2
    cell_of(workbook, "industrial_output", "位次依据").value = "按增速"
    cell_of(workbook, "industrial_output", "说明").value = "新投产\n第二行"
    cell_of(workbook, "extra-0", "本期数").value = "450余亿元"
    workbook.save(form)
    figures = tmp_path / "figures.xlsx"
    answer = staff.get("/indicators/?format=xlsx&table=figures")
    figures.write_bytes(b"".join(answer.streaming_content))
    given_out = tables(figures, tmp_path)
    count = Vintage.objects.in_force().count()
    assert len(given_out[0]) == 1 + count
    for suffix in ("xlsx", "ods"):
        back, long = saved([form, figures], suffix)
        assert tables(long, tmp_path)[0] == given_out[0]
        if suffix == "xlsx":
            assert formats(long) == formats(figures)
        address = staff.post(f"{FORM}upload/", {"file": SimpleUploadedFile(back.name, back.read_bytes())})["Location"]
        assert staff.post(address, {"do": "drop" if suffix == "ods" else "write"}).status_code == 302
        if suffix == "ods":
            assert "5 格系统里已是这样" in staff.get(address).content.decode()
    told = {entry.indicator.code: entry for entry in Entry.objects.select_related("indicator")}
    assert str(told["industrial_output"].value) == "254.10"
    assert (told["industrial_output"].rank_place, told["industrial_output"].rank_by) == (2, "growth")
    assert told["industrial_output"].note == "新投产\n第二行"
    assert (told["extra-0"].printed, str(told["extra-0"].value)) == ("450余亿元", "450")
