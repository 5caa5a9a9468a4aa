"""Where a table begins: the lines above it, its header of one or more levels, and the heads made of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lvyuan.imports.finding import cells as c
from lvyuan.imports.finding import looks
from lvyuan.imports.finding.lines import Area, Feed, Line, Merges
from lvyuan.imports.table import Head

WINDOW: Final = 60  # lines in which a table's header must end
LEVELS: Final = 5  # lines of one header at most
_FULL: Final = 0.6  # share of the widest line's cells from which a line counts as full


@dataclass(slots=True)
class Opening:
    """The lines of a table before its first row."""

    above: list[Line] = field(default_factory=list)
    header: list[Line] = field(default_factory=list)
    numbering: list[Line] = field(default_factory=list)


def take_opening(feed: Feed, merges: Merges) -> Opening:
    """Takes the lines over the next table and its header from the feed.

    Without any header (the first line is data already) all columns stay without a name.
    """
    window = feed.window(WINDOW)
    top, bottom = _header_place(window, merges)
    opening = Opening(window[:top], window[top:bottom])
    rest = window[bottom:]
    if opening.header and rest and looks.is_numbering(rest[0], rest[1:9], _left(window[top:])):
        opening.numbering = [rest[0]]
        bottom += 1
    for _ in range(bottom):
        feed.take()
    return opening


def _header_place(window: list[Line], merges: Merges) -> tuple[int, int]:
    """Where the header begins and ends; equal when there is none."""
    first = next((place for place, line in enumerate(window) if looks.is_data(line)), len(window))
    base = _base(window, first)
    if base is None:
        return _narrow_place(window, first)
    context = _Context(window, first, merges, _left(window[base:]))
    return context.climb(base), context.descend(base)


def _left(lines: Sequence[Line]) -> int:
    """The first column that any of these lines uses."""
    return min(line.columns[0] for line in lines)


def _base(window: list[Line], first: int) -> int | None:
    """The first full line of words before any figure: with at least 60 % of the cells of the fullest one.

    Lines such as 填报单位：… 单位：万元, or 2023年6月 亿元, only count when there is nothing else.
    """
    wide = [place for place, line in enumerate(window[:first]) if line.width > 1 and looks.is_head_like(line)]
    heads = [place for place in wide if not _is_particulars(window, place, wide)] or wide[-1:]
    if not heads:
        return None
    full = _FULL * max(window[place].width for place in heads)
    return next(place for place in heads if window[place].width >= full)


def _is_particulars(window: list[Line], place: int, wide: list[int]) -> bool:
    line = window[place]
    if looks.is_above_like(line) or looks.is_note_like(line, has_header=False):
        return True
    words = [cell for cell in line.cells if cell]
    only_periods_and_units = all(c.kind_of(cell) == c.PERIOD or c.is_unit(cell) for cell in words)
    return only_periods_and_units and line.kinds[line.columns[0]] == c.PERIOD and place + 1 in wide


def _narrow_place(window: list[Line], first: int) -> tuple[int, int]:
    """The header of a list in one column: the text right over the first figure, or else the first line."""
    if first == len(window):
        return 0, min(1, first)
    is_over = first > 0 and window[first].width == 1 and window[first - 1].columns == window[first].columns
    return (first - 1, first) if is_over else (first, first)


@dataclass(slots=True)
class _Context:
    """The window, the place of its first data line, and the first column that the table uses."""

    window: list[Line]
    first: int
    merges: Merges
    left: int

    def climb(self, base: int) -> int:
        """The first line of the header: groups over the full line belong to it."""
        top = base
        while top and base - top < LEVELS - 1 and self._is_group(self.window[top - 1], self.window[top]):
            top -= 1
        return top

    def descend(self, base: int) -> int:
        """The line after the header: levels under the full line belong to it."""
        end = base + 1
        while end < self.first and end - base < LEVELS and self._goes_on(self.window[base:end], self.window[end]):
            end += 1
        return end

    def _is_group(self, upper: Line, lower: Line) -> bool:
        """Whether a line over a full one groups its columns, rather than being a title.

        It does when a merged cell reaches down from it; when a merged cell spans several columns but not the label
        column (or several do); when it names the label column and the full line does not; or the other way round
        when it has at least two texts, each over a named column.
        """
        areas = self.merges.at(upper)
        if any(area.bottom >= lower.number for area in areas):
            return True
        if lower.gap or looks.is_above_like(upper) or not looks.is_head_like(upper):
            return False
        across = [area for area in areas if area.columns > 1]
        if any(area.left > self.left for area in across) or len(across) > 1:
            return not any(area.left <= self.left and area.columns >= lower.width for area in across)
        if upper.width < 2 or any(c.is_unit(cell) for cell in upper.cells):
            return False
        if upper.kind(self.left) != c.BLANK:
            return lower.kind(self.left) == c.BLANK
        return all(lower.kind(column) != c.BLANK for column in upper.columns)

    def _goes_on(self, header: Sequence[Line], line: Line) -> bool:
        """Whether a line of words under the header is a further level of it, rather than the first row.

        A row has a label: so a line with one, under a header with one, is a row, unless it holds the units, or names
        further columns after the very same label. Without a label it is a level when it holds units or remarks, names
        columns without a name, or divides a merged group. A label first named here needs words where the rows have
        figures.
        """
        areas = [area for upper in header for area in self.merges.at(upper)]
        if any(area.bottom >= line.number for area in areas):
            return looks.is_head_like(line)
        if line.gap or not looks.is_head_like(line) or looks.is_note_like(line, has_header=True):
            return False
        if all(c.is_foreign(cell) for cell in line.cells if cell) and not any(map(c.is_foreign, header[-1].cells)):
            return all(header[-1].kind(column) != c.BLANK for column in line.columns)
        was_named = any(upper.kind(self.left) != c.BLANK for upper in header)
        is_named = line.kind(self.left) != c.BLANK
        is_new = any(all(upper.kind(column) == c.BLANK for upper in header) for column in line.columns)
        if was_named and is_named:
            is_again = is_new and line.first == header[0].first
            return is_again or (line.width > 1 and c.is_unit_label(line.first) and looks.is_unit_line(line))
        if is_named:
            return self._has_words_over_figures(line)
        if looks.is_unit_line(line):
            return True
        if _divides(areas, line):
            return True
        return is_new and self._has_words_over_figures(line)

    def _has_words_over_figures(self, line: Line) -> bool:
        below = self.window[self.first : self.first + 20]
        return any(
            column != self.left and any(row.kind(column) in (c.FIGURE, c.MARK, c.YEAR) for row in below)
            for column in line.columns
        )


def _divides(areas: Sequence[Area], line: Line) -> bool:
    """Whether at least two of the line's cells stand under one merged cell."""
    return any(sum(area.left <= column <= area.right for column in line.columns) > 1 for area in areas)


# Heads


def heads_of(header: Sequence[Line], merges: Merges, columns: Sequence[int], hidden: frozenset[int]) -> list[Head]:
    """One head for each of the columns.

    A merged text stands over all its columns. Where nothing is merged, a text of an upper level that has something
    below it also stands over the columns to its right up to the next text: such heads are marked `is_assumed`.
    """
    levels = [_level(line, merges) for line in header]
    paths: dict[int, list[str]] = {column: [] for column in columns}
    assumed: set[int] = set()
    for place, level in enumerate(levels):
        texts = level | _reached(level, levels[:place], levels[place + 1 :], columns)
        assumed.update(texts.keys() - level.keys())
        for column in columns:
            if text := texts.get(column, _NONE).text:
                paths[column].append(text)
    return [Head(column + 1, tuple(paths[column]), column + 1 in hidden, column in assumed) for column in columns]


class _Text(NamedTuple):
    """A text over a column, and whether a merged cell put it there."""

    text: str
    is_merged: bool = False


_NONE: Final = _Text("")


def _level(line: Line, merges: Merges) -> dict[int, _Text]:
    """The texts of one header line by column, merged ones in all their columns."""
    level = {column: _Text(c.text_of(line.cells[column])) for column in line.columns}
    for area in merges.at(line):
        merged = _Text(level[area.left].text, is_merged=True)
        level |= {column: merged for column in range(area.left, area.right + 1) if level.get(column, merged) == merged}
        level[area.left] = merged
    return level


def _reached(
    level: Mapping[int, _Text],
    above: Sequence[Mapping[int, _Text]],
    below: Sequence[Mapping[int, _Text]],
    columns: Sequence[int],
) -> dict[int, _Text]:
    """What the unmerged texts of a level reach to their right: columns named below, under the same upper groups."""
    named = {column for lower in below for column in lower}
    reached: dict[int, _Text] = {}
    text = _NONE
    group: list[str] = []
    for column in columns:
        upper = [higher.get(column, _NONE).text for higher in above]
        if column in level:
            text = level[column] if column in named and not level[column].is_merged else _NONE
            group = upper
        elif text.text and column in named and upper == group:
            reached[column] = text
        else:
            text = _NONE
    return reached
