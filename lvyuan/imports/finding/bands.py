"""Tables side by side: where a block of lines is to be cut into bands of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from lvyuan.imports.finding import cells as c
from lvyuan.imports.finding.header import Opening
from lvyuan.imports.finding.lines import Line, Merges

SAMPLE: Final = 400  # lines that decide
_END: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Cut:
    """Columns at which a new band begins; `is_newspaper`: one table whose rows go on in the next band."""

    columns: tuple[int, ...] = ()
    is_newspaper: bool = False

    @property
    def bands(self) -> list[tuple[int, int]]:
        """First and last column of each band."""
        edges = [0, *self.columns, _END]
        return [(left, right - 1) for left, right in pairwise(edges)]

    def shared(self, above: Sequence[Line], merges: Merges) -> list[Line]:
        """The lines over all bands: what is merged across; over newspaper columns whatever does not name each band."""
        if not self.is_newspaper:
            wide = [line for line in above if line.width == 1]
            return [line for line in wide if any(a.left < self.columns[0] <= a.right for a in merges.at(line))]
        return [line for line in above if not self._is_one_a_band(line)]

    def _is_one_a_band(self, line: Line) -> bool:
        inside = [[column for column in line.columns if left <= column <= right] for left, right in self.bands]
        return all(inside)


def cut_of(opening: Opening, body: Sequence[Line], merges: Merges) -> Cut:
    """Where the block falls into tables side by side; no columns when it is one table."""
    lines = [*opening.header, *body[:SAMPLE]]
    if not body or not lines:
        return Cut()
    columns = _repeated(opening.header[-1], body[:SAMPLE]) if opening.header else ()
    columns = columns or _labelled_again(opening, body[:SAMPLE])
    columns = columns or _after_blanks(opening, lines, body[:SAMPLE], merges)
    return Cut(columns, is_newspaper=bool(columns) and _is_one_table(opening, Cut(columns)))


def _repeated(line: Line, body: Sequence[Line]) -> tuple[int, ...]:
    """The columns where the header's names begin again, label column included (指标 本月 累计 指标 本月 累计)."""
    columns = line.columns
    names = [c.bare(line.cells[column]) for column in columns]
    for period in range(2, len(names) // 2 + 1):
        if len(names) % period or names != names[:period] * (len(names) // period):
            continue
        starts = columns[::period]
        if all(_has_labels(body, column) or c.is_label_word(line.cells[column]) for column in starts):
            return tuple(starts[1:])
    return ()


def _labelled_again(opening: Opening, body: Sequence[Line]) -> tuple[int, ...]:
    """The columns under titles of their own where the first head, a word like 指标, stands again over labels."""
    if not opening.header or opening.header[-1].width < 4 or not c.is_label_word(opening.header[-1].first):
        return ()
    line = opening.header[-1]
    starts = [column for column in line.columns if c.bare(line.cells[column]) == c.bare(line.first)]
    titled = {column for above in opening.above for column in above.columns}
    is_apart = all(right - left > 1 for left, right in pairwise(starts))
    return tuple(starts[1:]) if is_apart and all(s in titled and _has_labels(body, s) for s in starts) else ()


def _is_one_table(opening: Opening, cut: Cut) -> bool:
    """Whether header and titles tell no band apart from the first."""
    headers = [
        [[c.bare(cell) for cell in line.cells[left : right + 1] if cell] for line in opening.header]
        for left, right in cut.bands
    ]
    starts = {left for left, _right in cut.bands[1:]}
    is_titled = any(column in starts for line in opening.above for column in line.columns)
    return not is_titled and any(headers[0]) and all(header == headers[0] for header in headers)


def _after_blanks(opening: Opening, lines: Sequence[Line], body: Sequence[Line], merges: Merges) -> tuple[int, ...]:
    """The first columns, after blank ones, of what is a table of its own: labels first, figures after them."""
    used = sorted({column for line in lines for column in line.columns})
    parts: list[list[int]] = []
    for column in used:
        if parts and parts[-1][-1] == column - 1:
            parts[-1].append(column)
        else:
            parts.append([column])
    if len(parts) < 2:
        return ()
    bridged = {column for line in lines for area in merges.at(line) for column in range(area.left + 1, area.right + 1)}
    cuts: list[int] = []
    band = parts[0]
    for number, part in enumerate(parts[1:], 1):
        rest = part
        for later in parts[number + 1 :]:
            if _has_labels(body, later[0]):
                break
            rest = rest + later
        if part[0] not in bridged and _is_table(opening, body, rest) and _is_table(opening, body, band):
            cuts.append(part[0])
            band = part
        else:
            band = band + part
    return tuple(cuts)


def _has_labels(body: Sequence[Line], column: int) -> bool:
    """Whether a column holds words and no figures."""
    kinds = [line.kind(column) for line in body]
    return any(kind in (c.TEXT, c.PERIOD) for kind in kinds) and c.FIGURE not in kinds and c.MARK not in kinds


def _is_table(opening: Opening, body: Sequence[Line], columns: Sequence[int]) -> bool:
    """Whether these columns can stand alone: a label column and figures beside it.

    The label column has no head yet (its header stands further down), or a word like 指标, the same as the whole
    table's first head, or a title of its own. Columns of words only need that same head.
    """
    first = next((line.cell(columns[0]) for line in opening.header if line.kind(columns[0]) != c.BLANK), "")
    is_numbered = c.bare(first) in ("序号", "编号")
    is_titled = any(line.kind(columns[0]) != c.BLANK for line in opening.above)
    is_again = bool(opening.header) and first == opening.header[0].first
    if not (_has_labels(body, columns[0]) or is_numbered) or c.is_side_label(first):
        return False
    if not (not first or is_titled or is_again or c.is_label_word(first)):
        return False
    if any(line.kind(column) in (c.FIGURE, c.MARK) for line in body for column in columns[1:]):
        return True
    return is_again and len(columns) > 1
