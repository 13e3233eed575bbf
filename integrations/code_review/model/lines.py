"""The lines of a changed file as a model is shown them: numbered by us, masked, with nothing invisible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from integrations.code_review.change import Versions
from integrations.code_review.visible import clipped, visible

__all__ = ["Excerpt", "Row", "excerpts", "rows_of", "shown"]

_LONGEST_EXCERPT = 24_000
_LONGEST_LINE = 400
_BEFORE, _AFTER = 10, 3
_GAP = "   ..."


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line; `number` is its number in the new text, None for what was removed and for gaps."""

    printed: str
    number: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Rows of one file, short enough for one question; the first part has number 1."""

    path: str
    number: int
    rows: tuple[Row, ...]

    @property
    def text(self) -> str:
        """As it is printed."""
        return "\n".join(row.printed for row in self.rows)

    @property
    def lines(self) -> dict[int, str]:
        """The lines of the new text that are shown: what a model says must be about one of them."""
        return {row.number: row.text for row in self.rows if row.number is not None}


def excerpts(versions: Versions) -> list[Excerpt]:
    """The hunks of a file with the lines around them, in as few pieces as fit."""
    parts: list[list[Row]] = [[]]
    size = 0
    for row in rows_of(versions):
        if size + len(row.printed) > _LONGEST_EXCERPT:
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += len(row.printed) + 1
    return [Excerpt(versions.path, number, tuple(rows)) for number, rows in enumerate(parts, 1) if rows]


def rows_of(versions: Versions) -> Iterator[Row]:
    """The hunks, and between them the lines near one, all from the masked texts."""
    old, new = versions.old_lines(), versions.new_lines()
    last = 0
    for hunk in versions.patch.hunks:
        yield from _between(new, range(last + 1, hunk.new_start), after=last, before=hunk.new_start)
        for line in hunk.lines:
            if line.new is not None:
                yield _row(line.new, line.mark, new[line.new])
            elif line.old is not None:
                yield _row(None, "-", old[line.old])
        last = max((line.new for line in hunk.lines if line.new), default=hunk.new_start)
    yield from _between(new, range(last + 1, last + 1 + _AFTER), after=last, before=0)


def shown(text: str) -> str:
    """A line of a masked text, as it may be shown."""
    return clipped(visible(text), _LONGEST_LINE)


def _between(new: Mapping[int, str], gap: range, *, after: int, before: int) -> Iterator[Row]:
    near = [number for number in gap if number in new and _is_near(number, after, before)]
    for previous, number in zip([gap.start - 1, *near], near, strict=False):
        if number != previous + 1:
            yield Row(_GAP)
        yield _row(number, " ", new[number])


def _is_near(number: int, after: int, before: int) -> bool:
    return (after > 0 and number - after <= _AFTER) or before - _BEFORE <= number < before


def _row(number: int | None, mark: str, text: str) -> Row:
    return Row(f"{number or '':>6} {mark} {shown(text)}", number, shown(text))
