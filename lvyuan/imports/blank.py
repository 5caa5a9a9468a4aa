"""An empty workbook for a kind of definitions: its columns, and what goes into them as comments."""

from __future__ import annotations

import io

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from lvyuan.imports.records import Field, RecordKind
from lvyuan.imports.registry import kinds
from lvyuan.ui.export import FORMATS

ROWS = 2000  # as far as the lists of choices reach
MAX_LIST = 255  # characters that a list of choices may have
REQUIRED, OPTIONAL = "FFDCE6F1", "FFF2F2F2"  # colours of headings


def columns_of(kind: RecordKind) -> list[tuple[Field, bool]]:
    """The columns of an empty workbook, each with whether every new row needs it."""
    return [(one, one.required or one.name in kind.key) for one in kind.fields if one.in_template]


def blank_workbook(kind: RecordKind) -> bytes:
    """One sheet with headings alone, and one that says what they mean."""
    from openpyxl import Workbook  # a page needs no workbook writer
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = gettext("数据")
    help_sheet = book.create_sheet(gettext("填写说明"))
    help_sheet.append([gettext("栏目"), gettext("要求"), gettext("示例"), gettext("说明")])
    for number, (one, is_required) in enumerate(columns_of(kind), 1):
        need = gettext("必填") if is_required else gettext("可空")
        cell = sheet.cell(1, number, one.title)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor=REQUIRED if is_required else OPTIONAL)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        cell.comment = Comment("\n".join(_told(one, need)), gettext("系统"), width=260, height=120)
        sheet.column_dimensions[get_column_letter(number)].width = max(12, 2 * len(one.title) + 4)
        help_sheet.append([one.title, need, one.example, gettext("；").join(_told(one, need)[1:])])
        _offer_choices(sheet, one, number)
    sheet.freeze_panes = "A2"
    help_sheet.freeze_panes = "A2"
    for letter, width in zip("ABCD", (18, 8, 30, 80), strict=True):
        help_sheet.column_dimensions[letter].width = width
    help_sheet.append([])
    help_sheet.append([gettext("空着的单元格不改动已有的内容；要清空已有的内容，请写“清空”。没有写到的行保持不变。")])
    target = io.BytesIO()
    book.save(target)
    book.close()
    return target.getvalue()


def _told(one: Field, need: str) -> list[str]:
    said = [need]
    if one.example:
        said.append(gettext("如：%(example)s") % {"example": one.example})
    if one.comment:
        said.append(str(one.comment))
    if labels := _labels(one):
        said.append(gettext("可选：%(labels)s") % {"labels": gettext("、").join(labels)})
    return said


def _labels(one: Field) -> list[str]:
    if one.empty is False:
        return [gettext("是"), gettext("否")]
    return [str(label) for value, label in one.choices if value not in (None, "")]


def _offer_choices(sheet: object, one: Field, number: int) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    labels = _labels(one)
    listed = ",".join(labels)
    if not labels or len(listed) > MAX_LIST or any("," in label for label in labels):
        return
    choices = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True)
    letter = get_column_letter(number)
    choices.add(f"{letter}2:{letter}{ROWS}")
    sheet.add_data_validation(choices)  # type: ignore[attr-defined]


@require_safe
def kind_template(request: HttpRequest, code: str) -> HttpResponse:
    """The empty workbook of a kind; 404 for kinds that have none, 403 for who may not import it."""
    kind = next((kind for kind in kinds() if kind.code == code and isinstance(kind, RecordKind)), None)
    if not isinstance(kind, RecordKind):
        raise Http404
    if not kind.may_import(request.user):  # type: ignore[arg-type]
        raise PermissionDenied
    response = HttpResponse(blank_workbook(kind), content_type=FORMATS["xlsx"])
    name = gettext("%(kind)s导入表.xlsx") % {"kind": kind.label}
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    response["Cache-Control"] = "private, no-cache"
    return response
