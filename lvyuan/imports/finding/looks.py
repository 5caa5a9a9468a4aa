"""What one line looks like on its own: header, data, title, note, numbering."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lvyuan.imports.finding import cells as c
from lvyuan.imports.finding.lines import Line


def is_head_like(line: Line) -> bool:
    """Words and periods only. Years, or months as 1, 2, 3, count as periods when they go up or down together.

    A single year needs a word like 指标 before it: “企业数 2019” may be a figure.
    """
    kinds = line.kinds
    if c.MARK in kinds:
        return False
    if c.YEAR not in kinds and c.FIGURE not in kinds:
        return True
    numbers = [line.cells[column] for column, kind in enumerate(kinds) if kind in (c.YEAR, c.FIGURE)]
    first = next(kind for kind in kinds if kind != c.BLANK)
    has_label = first == c.TEXT and c.is_label_word(line.first)
    if c.FIGURE in kinds:
        return has_label and len(numbers) > 2 and _go_together([c.count_of(number) for number in numbers])
    return has_label or (len(numbers) > 1 and c.TEXT not in kinds and _go_together([_year(cell) for cell in numbers]))


def _year(cell: object) -> int:
    digits = "".join(sign for sign in str(cell) if sign.isdigit())
    return int(digits[:6].ljust(6, "0"))


def _go_together(numbers: list[int]) -> bool:
    steps = {b - a for a, b in pairwise(numbers)}
    return 0 not in numbers and (all(step > 0 for step in steps) or all(step < 0 for step in steps))


def is_above_like(line: Line) -> bool:
    """A line of particulars over a table: 填报单位：…  2023年6月  单位：万元."""
    return any(c.is_above_word(cell) for cell in line.cells if cell)


def is_data(line: Line) -> bool:
    """A figure, or a mark in place of one, stands in it."""
    kinds = line.kinds
    has_figure = c.FIGURE in kinds or c.MARK in kinds or c.YEAR in kinds
    return has_figure and not is_lone(line) and not is_head_like(line) and not is_above_like(line)


def is_lone(line: Line) -> bool:
    """One text, period or year alone in its line."""
    return line.width == 1 and line.kinds.strip(c.BLANK) in (c.TEXT, c.PERIOD, c.YEAR, c.FLAW)


def is_title_like(line: Line) -> bool:
    """A lone text that opens a table: 表2, 续表, …情况表, a period, or whatever a blank line sets off."""
    if not is_lone(line):
        return False
    is_period = c.PERIOD in line.kinds or c.YEAR in line.kinds
    return line.gap or is_period or c.is_title_word(line.first) or c.is_above_word(line.first)


def is_note_like(line: Line, *, has_header: bool) -> bool:
    """A note, source, footnote or signature line.

    注：…, 数据来源：… whatever else stands in the line; ①…, and a sentence with its full stop, only alone;
    填报人 without a colon only below a table with a header, and beside no figure.
    """
    first = line.first
    if isinstance(first, str) and not first:
        return False
    if c.is_note_word(first):
        return True
    if sign := c.signature(first):
        return sign == ":" or (has_header and c.FIGURE not in line.kinds and c.MARK not in line.kinds)
    return is_lone(line) and (c.is_footnote(first) or c.bare(first).endswith("。"))


def is_unit_line(line: Line) -> bool:
    """Units, or remarks in parentheses, under the heads; a first cell 计量单位 may say so."""
    filled = [cell for cell in line.cells if cell]
    if len(filled) > 1 and c.is_unit_label(filled[0]):
        filled = filled[1:]
    return all(c.is_unit(cell) or c.is_parenthesised(cell) for cell in filled)


def is_numbering(line: Line, below: Sequence[Line], left: int) -> bool:
    """甲 乙 1 2 3 under the header, or 1 2 3 … beginning in a column where the lines below have words.

    Every cell must take part, in order; a line of figures that only happens to count is told by its label column.
    """
    filled = [cell for cell in line.cells if cell]
    stems = 0
    while stems < len(filled) and c.is_stem(filled[stems]):
        stems += 1
    numbers = [c.count_of(cell) for cell in filled[stems:]]
    if not numbers or numbers[0] not in (1, stems + 1) or any(b != a + 1 for a, b in pairwise(numbers)):
        return bool(stems > 1 and not numbers)
    if stems:
        return True
    labels = {other.kind(left) for other in below}
    return len(numbers) > 1 and c.TEXT in labels and c.FIGURE not in labels
