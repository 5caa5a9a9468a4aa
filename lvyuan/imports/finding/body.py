"""The rows of one table: where they end, what is a note, and which lines only repeat the header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import dropwhile
from typing import Final

from lvyuan.imports.finding import cells as c
from lvyuan.imports.finding import looks
from lvyuan.imports.finding.header import Opening
from lvyuan.imports.finding.lines import Feed, Line, Merges
from lvyuan.imports.table import Cell

LOOK_AHEAD: Final = 6  # lines in which a new header must find its first figure
LEARNT: Final = 200  # lines after which the columns are known and plain rows pass quickly
HELD: Final = 500  # weak lines kept back at most
REMEMBERED: Final = 20_000  # first cells whose look is kept


class _Start(Enum):
    """What a line's first cell says of the line."""

    PLAIN = auto()
    LIKE_NOTE = auto()  # its first sign could open a note
    ODD = auto()


class Body:
    """Goes through the rows after a header once; `notes` and `dropped` are complete when `lines` has ended.

    Weak lines (a lone text, a note, particulars) are held back until what follows tells whether they are rows,
    notes below the last row, or the title of the next table. The feed then stands at the next table's first line.
    """

    def __init__(self, feed: Feed, opening: Opening, merges: Merges) -> None:
        self.feed, self.merges = feed, merges
        self.header, self.above = opening.header, opening.above
        self.notes: list[Line] = []
        self.dropped = list(opening.numbering)
        self.held: list[Line] = []
        self.figures: dict[int, int] = {}  # column: figures seen minus words seen
        self.width = max((line.width for line in self.header), default=2)
        self.is_list = self.width < 2
        self.titles = {c.without_continued(cell) for line in self.above for cell in line.cells}
        self.starts: dict[Cell, _Start] = {}
        self.firsts = {line.cells[column] for line in self.header for column in line.columns[:1]}

    def lines(self) -> Iterator[Line]:
        """The rows, in order."""
        seen = 0
        while line := self.feed.peek():
            if seen > LEARNT and not self.held and self._is_plain(line):
                yield from self.feed.take_while(self._is_plain)
                continue
            seen += 1
            if count := self._repeats():
                if self._is_other_title():
                    break
                yield from self._release()
                for _ in range(count):
                    self._drop()
                self._drop_numbering()
                continue
            if self._starts_table(line):
                break
            self.feed.take()
            if self._is_weak(line):
                self.held.append(line)
                if len(self.held) <= HELD:
                    continue
            else:
                self.held.append(line)
            self._learn(line)
            yield from self.held
            self.held = []
        if self.feed.peek():
            self.feed.put_back(self._next_title())
        yield from self._release()

    # Rows

    def _is_plain(self, line: Line) -> bool:
        """Quick: surely a row. No blank line before it, and it begins unlike a note, a label word or the header.

        Only what can end a body is looked at: the first cell, and how many there are. Where the first cell begins with
        a sign that notes begin with (指标1), a figure must stand beside it, and no colon, as in 单位：元.
        """
        cells = line.cells
        if line.gap or len(cells) < 2:
            return False
        first = cells[0] or line.first
        if (start := self.starts.get(first)) is None:
            start = self._start(first)
        if start is _Start.PLAIN:
            return bool(cells[0] and cells[-1]) or line.width > 1
        return start is _Start.LIKE_NOTE and _is_figures(cells)

    def _start(self, first: Cell) -> _Start:
        if not isinstance(first, str) or first in self.firsts or c.is_set_apart(first):
            start = _Start.ODD
        else:
            start = _Start.LIKE_NOTE if first[:1] in c.NOTE_STARTS else _Start.PLAIN
        if len(self.starts) >= REMEMBERED:
            self.starts.clear()
        self.starts[first] = start
        return start

    def _learn(self, line: Line) -> None:
        for column, kind in enumerate(line.kinds):
            if kind in (c.FIGURE, c.YEAR):
                self.figures[column] = self.figures.get(column, 0) + 1
            elif kind in (c.TEXT, c.PERIOD):
                self.figures[column] = self.figures.get(column, 0) - 1

    def _is_figure_column(self, column: int) -> bool:
        return self.figures.get(column, 0) > 0

    # Weak lines

    def _is_note(self, line: Line) -> bool:
        return looks.is_note_like(line, has_header=bool(self.header))

    def _is_weak(self, line: Line) -> bool:
        if self._is_note(line):
            return True
        return (looks.is_lone(line) and not self.is_list) or self._is_particulars(line)

    def _is_particulars(self, line: Line) -> bool:
        """填报单位：…, or a title spread over few cells of a wide table: after a blank line, or with a period in it."""
        if looks.is_data(line):
            return False
        is_narrow = 1 < line.width <= self.width // 2
        return looks.is_above_like(line) or (is_narrow and (line.gap or c.PERIOD in line.kinds))

    def _release(self) -> Iterator[Line]:
        """The held lines up to the notes; notes, and lone texts below the first of them, go to `notes`."""
        notes_from = place = len(self.held)
        while place and (self._is_note(self.held[place - 1]) or looks.is_lone(self.held[place - 1])):
            place -= 1
            if self._is_note(self.held[place]):
                notes_from = place
        rows = self.held[:notes_from]
        self.notes += self.held[notes_from:]
        self.held = []
        return iter(rows)

    # The header again

    def _repeats(self) -> int:
        """How many lines from here on only repeat the header: all of it, or its last line alone."""
        line = self.feed.peek()
        if not self.header or line is None or line.first not in self.firsts or line.width < 2:
            return 0
        window = self.feed.window(len(self.header))
        if [other.cells for other in window] == [other.cells for other in self.header]:
            return len(window)
        return int(line.cells == self.header[-1].cells)

    def _drop(self) -> None:
        if line := self.feed.take():
            self.dropped.append(line)

    def _drop_numbering(self) -> None:
        line, numbering = self.feed.peek(), self.dropped[0] if self.dropped else None
        if line and numbering and line.cells == numbering.cells:
            self._drop()

    def _is_other_title(self) -> bool:
        """Whether the lines over a repeated header name another table; those that repeat the title are dropped."""
        title = self._next_title()
        texts = [c.without_continued(cell) for line in title for cell in line.cells]
        if all(not text or text in self.titles for text in texts):
            self.dropped += title
            return False
        if any(looks.is_title_like(line) or self._is_particulars(line) for line in title):
            self.held += title
            return True
        self.held += title
        return False

    # The next table

    def _next_title(self) -> list[Line]:
        """Takes the held lines that stand over the line to come: the last ones that are no notes.

        Where blank lines set some of them off, from the first of these on; where one stands only under them, from
        the first that reads like a title on.
        """
        place = len(self.held)
        while place and not self._is_note(self.held[place - 1]):
            place -= 1
        title = self.held[place:]
        gaps = [number for number, line in enumerate(title) if line.gap]
        following = self.feed.peek()
        if gaps:
            title = title[gaps[0] :]
        elif following and following.gap:
            title = list(dropwhile(lambda line: not looks.is_title_like(line), title))
        self.held = self.held[: len(self.held) - len(title)]
        return title

    def _starts_table(self, line: Line) -> bool:
        """Whether a further table's header begins here.

        Figures must follow below its words. Then it does when it begins like a header (指标), or stands under a title
        like 表2, and is set off by a blank line or a title. It also does when words stand where the rows above have
        figures, and it begins like a header, or has periods or merged groups there, or is set off and has two
        different such words. Where only words follow, a title is needed too.
        """
        if line.width < 2 or not looks.is_head_like(line) or c.FLAW in line.kinds or not (self.header or self.figures):
            return False
        if self._is_note(line) or looks.is_above_like(line):
            return False
        words = [column for column in line.columns if self._is_figure_column(column)]
        is_set_off = line.gap or any(looks.is_title_like(held) for held in self.held[-3:])
        is_labelled = c.is_label_word(line.first) or line.first in self.firsts
        is_said = is_labelled or any(c.is_title_word(held.first) for held in self.held[-3:])
        if not self._leads_to_figures(line):
            return is_said and not words and self._opens_records()
        if is_said and is_set_off:
            return True
        periods = [column for column in words if line.kind(column) in (c.PERIOD, c.YEAR)]
        is_grouped = is_set_off and any(area.columns > 1 and area.left in words for area in self.merges.at(line))
        if words and (is_labelled or len(periods) > 1 or is_grouped):
            return True
        texts = {line.cells[column] for column in words if line.kind(column) in (c.TEXT, c.PERIOD)}
        return is_set_off and len(texts) > 1 and 2 * len(texts) >= line.width - 1

    def _leads_to_figures(self, line: Line) -> bool:
        """Whether a row with figures under this line's words comes soon."""
        below = next((row for row in self.feed.window(LOOK_AHEAD)[1:] if looks.is_data(row)), None)
        return below is not None and any(below.kind(column) in (c.FIGURE, c.YEAR, c.MARK) for column in line.columns)

    def _opens_records(self) -> bool:
        """Whether a list of words can begin: a title over it, and another row of words below it."""
        below = self.feed.peek(1)
        has_title = any(looks.is_title_like(held) for held in self.held[-3:])
        return has_title and below is not None and below.width > 1 and not looks.is_data(below)


def _is_figures(cells: Sequence[Cell]) -> bool:
    """Whether a plain figure stands beside the first cell, and no colon, as all particulars have it."""
    if not any(c.is_plain_figure(cell) for cell in reversed(cells)):
        return False
    text = "".join([cell for cell in cells if isinstance(cell, str)])
    return ":" not in text and "：" not in text


def label_columns(header: Sequence[Line], lines: Sequence[Line]) -> frozenset[int]:
    """Columns with words or periods and no figure: there a merged cell names all its rows.

    Bare years may be figures, so a column of them needs a head like 年份.
    """
    named = {column for line in header for column in line.columns if c.is_label_word(line.cells[column])}
    words, figures = set(), set()
    for line in lines:
        for column, kind in enumerate(line.kinds):
            if kind in (c.FIGURE, c.MARK) or (kind == c.YEAR and column not in named):
                figures.add(column)
            elif kind != c.BLANK:
                words.add(column)
    return frozenset(words - figures)
