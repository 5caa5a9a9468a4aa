"""Zipped workbooks (xlsx, ods): safe to open before anything of them is read."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat

from lvyuan.imports.table import Unreadable
from lvyuan.numbers import _

MAX_MEMBERS: Final = 2_000  # files inside a workbook
MAX_UNPACKED: Final = 400 * 1024 * 1024
CHUNK: Final = 1 << 18
BROKEN: Final = _("工作簿已损坏或不完整，无法读取。请在 Excel 或 WPS 中打开并另存为 xlsx 后再上传。")
PASSWORD: Final = _("工作簿加了密码，无法读取。请在 Excel 或 WPS 中取消密码，另存后再上传。")
_FORBIDDEN_XML: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
BROKEN_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    IndexError,
    UnicodeError,
    ValueError,
    expat.ExpatError,
)


@contextmanager
def named_broken() -> Iterator[None]:
    """Turns what a damaged workbook raises in a reader into Unreadable."""
    try:
        yield
    except BROKEN_ERRORS as error:
        raise Unreadable(BROKEN) from error


def open_package(path: Path) -> zipfile.ZipFile:
    """The archive, its sizes within the limits. Raises Unreadable."""
    with named_broken():
        archive = zipfile.ZipFile(path)
    try:
        _check_members(archive.infolist())
    except Unreadable:
        archive.close()
        raise
    return archive


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise Unreadable(
            f"工作簿里有 {len(members)} 个内部文件，超过 {MAX_MEMBERS} 个的上限。请只保留数据表另存后再上传。"
        )
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise Unreadable(f"工作簿解压后超过 {MAX_UNPACKED // 1024 // 1024} MB 的上限。请只保留数据表另存后再上传。")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable(PASSWORD)
    if len({member.filename for member in members}) < len(members):
        raise Unreadable(BROKEN)


def check_part(part: IO[bytes], keep: Callable[[bytes], object] | None = None) -> None:
    """Reads an XML part to its end: whole, and without entities. `keep` gets every chunk."""
    tail = b""
    with part:
        while chunk := part.read(CHUNK):
            joined = tail + chunk
            if _FORBIDDEN_XML.search(joined):
                refuse_entities()
            if keep:
                keep(chunk)
            tail = joined[-16:]


def refuse_entities(*given: object) -> None:
    raise Unreadable(_("工作簿里有 XML 实体定义，正常的工作簿不会有，已拒收。请在 Excel 或 WPS 中另存后再上传。"))


def elements(text: bytes | IO[bytes]) -> list[tuple[str, dict[str, str]]]:
    """All elements of a small part in document order, names without prefix."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        found.append((element.rpartition(":")[2], plain))

    parser = new_parser(start)
    if isinstance(text, bytes):
        parser.Parse(text, True)
    else:
        with text:
            parser.ParseFile(text)
    return found


def new_parser(
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], Any] | None = None,
    text: Callable[[str], Any] | None = None,
    separator: str | None = None,
) -> expat.XMLParserType:
    """An XML parser that refuses every document type."""
    parser = expat.ParserCreate(namespace_separator=separator)
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse_entities
    return parser
