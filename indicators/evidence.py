"""Evidence files: told apart by content, kept under their hash outside the web root."""

from __future__ import annotations

import os
import uuid
import zipfile
from pathlib import Path, PurePath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from indicators.refusals import Refused, TooLarge
from lvyuan.ui.middleware import size_text

_SUFFIXES = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_SIGNATURES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MAX_MEMBERS = 5_000
MAX_UNPACKED = 400 * 1024 * 1024


def check_evidence(upload: UploadedFile) -> str:
    """The content type of an acceptable file; raises Refused for any other."""
    if upload.size is None or upload.size > settings.EVIDENCE_LIMIT:
        raise TooLarge(
            gettext("文件超过 %(evidence_limit)s 的上限，没有保存。请压缩后再传。")
            % {"evidence_limit": size_text(settings.EVIDENCE_LIMIT)}
        )
    upload.seek(0)
    head = upload.read(8)
    upload.seek(0)
    for signature, content_type in _SIGNATURES.items():
        if head.startswith(signature):
            return content_type
    if head.startswith(b"PK\x03\x04"):
        found = _office_type(upload)
        upload.seek(0)
        if found:
            return found
    raise Refused(gettext("只接受 PDF、PNG、JPEG、xlsx 和 docx 文件（按内容判断，与扩展名无关），没有保存。"))


def evidence_name(name: str, content_type: str) -> str:
    """The name people see, with the suffix of what the file really is: no .hta that begins like a picture."""
    stem = "".join(c for c in PurePath(name).stem if c.isprintable())[-150:] or "附件"
    return stem + _SUFFIXES[content_type]


def _office_type(upload: UploadedFile) -> str | None:
    upload.seek(max(0, (upload.size or 0) - 66_000))
    tail = upload.read()
    end = tail.rfind(b"PK\x05\x06")  # the end record tells how many members follow, before any is read
    if end < 0 or int.from_bytes(tail[end + 10 : end + 12], "little") > MAX_MEMBERS:
        return None
    upload.seek(0)
    try:
        with zipfile.ZipFile(upload.file) as archive:  # type: ignore[arg-type]
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return None
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise Refused(gettext("文件解压后过大，没有保存。"))
    names = {member.filename for member in members}
    return next((kind for name, kind in _OFFICE.items() if name in names), None)


def evidence_path(sha256: str) -> Path:
    return Path(settings.DATA_DIR) / "evidence" / sha256[:2] / sha256


def store_evidence(upload: UploadedFile, sha256: str) -> None:
    """Writes the file under its hash; a half-written one never gets the name."""
    path = evidence_path(sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{uuid.uuid4().hex}.partial")
    upload.seek(0)
    try:
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
            for chunk in upload.chunks():
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
