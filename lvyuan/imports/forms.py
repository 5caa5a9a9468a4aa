from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from lvyuan.imports.actions import NAME_LENGTH
from lvyuan.imports.pipeline import check_size, suffix_of
from lvyuan.imports.registry import ImportRefused, kinds
from lvyuan.imports.table import SUFFIXES

TOO_LARGE = "too_large"


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
        label=_("内容"), error_messages={"invalid_choice": _("没有这种导入内容。请从列表中选择。")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(kind.code, kind.label) for kind in kinds()]

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
