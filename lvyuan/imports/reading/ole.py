"""The container of old Office files: named streams in chains of sectors."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIGNATURE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER: Final = 512
_LAST_SECTOR: Final = 0xFFFFFFFA  # numbers above it end a chain
_ENTRY: Final = 128
_STREAM, _ROOT = 2, 5


@dataclass(frozen=True, slots=True)
class _Stream:
    start: int
    size: int


class Container:
    """The streams of one file by name. Raises ValueError, IndexError or struct.error when it is damaged."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        header = self.data[:_HEADER]
        if len(header) < _HEADER or not header.startswith(SIGNATURE):
            raise ValueError("no container")
        shift, small_shift = struct.unpack_from("<2H", header, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError("odd sectors")
        self.size, self.small_size = 1 << shift, 1 << small_shift
        directory, self.cutoff, small_table = (struct.unpack_from("<I", header, place)[0] for place in (48, 56, 60))
        self.table = self._table(header)
        entries = self._chain(directory)
        self.streams: dict[str, _Stream] = {}
        root = _Stream(_LAST_SECTOR + 1, 0)
        for place in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            entry = entries[place : place + _ENTRY]
            length, kind = struct.unpack_from("<HB", entry, 64)
            start, size = struct.unpack_from("<2I", entry, 116)
            if kind == _STREAM:
                name = entry[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
                self.streams.setdefault(name, _Stream(start, size))
            elif kind == _ROOT:
                root = _Stream(start, size)
        small = self._chain(small_table)
        self.small_table = struct.unpack(f"<{len(small) // 4}I", small[: len(small) // 4 * 4])
        self.small_data = self._chain(root.start)[: root.size]

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self.size
        sector = self.data[start : start + self.size]
        if not sector:
            raise ValueError("sector behind the end of the file")
        return sector

    def _table(self, header: bytes) -> tuple[int, ...]:
        """Which sector follows which."""
        sectors = [number for number in struct.unpack_from("<109I", header, 76) if number < _LAST_SECTOR]
        further, _count = struct.unpack_from("<2I", header, 68)
        seen = set()
        while further < _LAST_SECTOR:
            if further in seen:
                raise ValueError("circle")
            seen.add(further)
            *more, further = struct.unpack(f"<{self.size // 4}I", self._sector(further))
            sectors += [number for number in more if number < _LAST_SECTOR]
        joined = b"".join(self._sector(number) for number in sectors)
        return struct.unpack(f"<{len(joined) // 4}I", joined[: len(joined) // 4 * 4])

    def _chain(self, number: int) -> bytes:
        found = []
        while number < _LAST_SECTOR:
            found.append(self._sector(number))
            if len(found) > len(self.table):
                raise ValueError("circle")
            number = self.table[number]
        return b"".join(found)

    def read(self, name: str) -> bytes:
        """The stream's content, all of it."""
        stream = self.streams[name]
        if stream.size >= self.cutoff:
            content = self._chain(stream.start)[: stream.size]
        else:
            parts, number = list[bytes](), stream.start
            while number < _LAST_SECTOR and len(parts) * self.small_size < stream.size:
                parts.append(self.small_data[number * self.small_size : (number + 1) * self.small_size])
                number = self.small_table[number]
            content = b"".join(parts)[: stream.size]
        if len(content) < stream.size:
            raise ValueError("stream cut short")
        return content
