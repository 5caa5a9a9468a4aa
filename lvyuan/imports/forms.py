from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.models import User
from lvyuan.imports.actions import NAME_LENGTH
from lvyuan.imports.pages import TableUse
from lvyuan.imports.pipeline import check_size, suffix_of
from lvyuan.imports.records import RecordKind
from lvyuan.imports.registry import ColumnUse, ImportRefused, Kind, Question, kinds
from lvyuan.imports.table import SUFFIXES

TOO_LARGE = "too_large"
FEW = 6  # options that stand as radio buttons
MANY = 40  # options from which on a column's choice is typed, with suggestions


class UploadForm(forms.Form):
    """A file and what it holds; the content is checked when it is read."""

    file = forms.FileField(
        label=_("文件"),
        max_length=NAME_LENGTH,
        widget=forms.FileInput(attrs={"accept": ",".join(SUFFIXES)}),
        error_messages={
            "required": _("请先选择要上传的文件。"),
            "empty": _("文件是空的（0 字节）。请检查后重新上传。"),
            "max_length": _("文件名超过 160 个字。请改短后再上传。"),
            "invalid": _("没有收到文件。请重新选择后再上传。"),
        },
    )
    kind = forms.ChoiceField(
        label=_("内容"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("请选择文件里是什么内容。"),
            "invalid_choice": _("没有这种导入内容。请从列表中选择。"),
        },
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        self.kinds = [kind for kind in kinds() if kind.may_import(user)]
        field.choices = [(kind.code, kind.label) for kind in self.kinds]
        if self.kinds:
            field.initial = self.kinds[0].code

    @property
    def offered(self) -> list[tuple[Kind, Any, bool]]:
        """Each kind with its radio button, and whether there is an empty workbook for it."""
        return [
            (kind, radio, isinstance(kind, RecordKind)) for kind, radio in zip(self.kinds, self["kind"], strict=True)
        ]

    def clean_file(self) -> UploadedFile[Any]:
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        try:
            check_size(upload.size or 0)
        except ImportRefused as refused:
            raise forms.ValidationError(str(refused), code=TOO_LARGE) from refused
        try:
            suffix_of(upload.name or "")
        except ImportRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return upload


class NamedChoiceField(forms.CharField):
    """A choice among so many that it is typed: the name is shown, the code is the value."""

    def __init__(self, *, choices: Sequence[Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes = {str(label): code for code, label in choices}
        self.labels = {code: label for label, code in self.codes.items()}

    def prepare_value(self, value: Any) -> Any:
        return self.labels.get(value, value)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text in self.codes or text in self.labels or not text:
            return self.codes.get(text, text)
        raise forms.ValidationError(
            gettext("没有“%(text)s”这一项。请从提示的名称中选择，或清空，由系统按表头判断。") % {"text": text}
        )


class AnswersForm(forms.Form):
    """All questions about a file, and what its columns are used for; field names are the codes of the answers.

    `told` are the answers given so far. A column that a question asks about has no field besides.
    """

    def __init__(
        self,
        *args: Any,
        questions: Sequence[Question],
        tables: Sequence[TableUse],
        told: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, auto_id=False, **kwargs)
        self.questions = questions
        self.lists: dict[tuple[tuple[str, str], ...], str] = {}  # choices → id of the list that suggests them
        self.uses: dict[int, str] = {}  # column → its field
        for number, question in enumerate(questions, 1):
            self.fields[question.code] = _question_field(question, f"question-{number}")
        for table in tables:
            for column in table.columns:
                if column.choices and column.code not in self.fields:
                    self.uses[id(column)] = column.code
                    shown = self._column_field(column, told.get(column.code, ""), f"column-{len(self.uses)}")
                    self.fields[column.code] = shown

    def _column_field(self, column: ColumnUse, told: str, name: str) -> forms.Field:
        label = gettext("%(column)s列“%(name)s”用作") % {"column": column.letter, "name": column.name}
        attrs = {"id": name, "aria-label": label}
        choices = tuple((code, str(label)) for code, label in column.choices)
        # Nothing chosen leaves it to the system: what it made of the column stands there.
        own = gettext("由系统判断") if told else gettext("系统判断：%(use)s") % {"use": column.use or gettext("未导入")}
        if len(choices) <= MANY:
            return forms.ChoiceField(
                label=label,
                choices=[("", own), *choices],
                required=False,
                initial=told,
                widget=forms.Select(attrs=attrs),
                error_messages={"invalid_choice": _("没有这一项。请从列表中选择。")},
            )
        attrs["list"] = self.lists.setdefault(choices, f"choices-{len(self.lists) + 1}")
        attrs["placeholder"] = own
        return NamedChoiceField(
            label=label, choices=choices, required=False, initial=told, widget=forms.TextInput(attrs=attrs)
        )

    @property
    def asked(self) -> list[tuple[Question, forms.BoundField]]:
        """Each question with its field."""
        return [(question, self[question.code]) for question in self.questions]

    def tabled(self, tables: Sequence[TableUse]) -> list[tuple[TableUse, list[tuple[ColumnUse, Any]]]]:
        """Each table with its columns, and each column with its field, or None where nothing can be chosen."""
        return [
            (table, [(column, self[name] if (name := self.uses.get(id(column))) else None) for column in table.columns])
            for table in tables
        ]

    def answers(self) -> dict[str, str]:
        """What was answered, and each column whose use was changed."""
        asked = {question.code for question in self.questions}
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name in asked or value != self.fields[name].initial
        }


def _question_field(question: Question, name: str) -> forms.Field:
    suggested = gettext("建议")
    options = [
        (value, f"{label}（{suggested}）" if value == question.suggested else label)
        for value, label in question.options
    ]
    attrs: dict[str, Any] = {"id": name}
    missing = _("请回答这一问；系统不会替您猜。")
    if not options:
        if question.suggested:
            attrs["placeholder"] = f"{suggested}：{question.suggested}"
        return forms.CharField(
            label=question.text,
            max_length=200,
            initial=question.told,
            widget=forms.TextInput(attrs=attrs),
            error_messages={"required": missing, "max_length": _("最多 200 个字。")},
        )
    widget: forms.Widget = forms.RadioSelect(attrs=attrs)
    if len(options) > FEW:
        options = [("", _("请选择")), *options]
        widget = forms.Select(attrs=attrs)
    return forms.ChoiceField(
        label=question.text,
        choices=options,
        initial=question.told,
        widget=widget,
        error_messages={"required": missing, "invalid_choice": _("没有这一项。请从列表中选择。")},
    )


class ReasonForm(forms.Form):
    """Why only part of a file is imported, or why an import is taken back."""

    reason = forms.CharField(
        label=_("理由"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("请写明理由。"), "max_length": _("理由最多 300 个字。")},
    )
