"""The change under review: read when first needed, and only if it is what the review was started with."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from integrations.code_review.diff.apply import applied
from integrations.code_review.diff.files import by_path
from integrations.code_review.diff.model import FilePatch, Hunk
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.errors import ChangeMoved
from integrations.code_review.finding import Skipped
from integrations.code_review.git import Git
from integrations.code_review.reading import read_change
from integrations.code_review.selection import MAX_TEXT, generated_mark
from integrations.code_review.subject import ReviewInput, digest
from integrations.secrets import masked

__all__ = ["Change", "Pair", "Piece", "Versions"]

_KEPT_TEXT = 64_000_000
"""Characters of texts that are kept, because several steps read them."""
_ALONE = (
    "the text before the change was not found, so only what the patch shows was compared, hunk by hunk: "
    "code between the hunks, and hunks that are no whole statements, were not seen"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; `first` is the number of its first line in the file."""

    text: str
    first: int = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """The same stretch before and after; None where the file does not exist."""

    old: Piece | None
    new: Piece | None


@dataclass(frozen=True, slots=True)
class Versions:
    """A changed file before and after: a pair of whole texts, or one per hunk if the old is unknown."""

    path: str
    patch: FilePatch
    pairs: tuple[Pair, ...]
    whole: bool = True

    @property
    def unseen(self) -> str:
        """What could not be seen of this file; empty when everything was."""
        return "" if self.whole else _ALONE

    @property
    def size(self) -> int:
        """Characters of all its texts."""
        return sum(len(piece.text) for pair in self.pairs for piece in (pair.old, pair.new) if piece)

    def old_lines(self) -> dict[int, str]:
        """The known lines before the change by their number."""
        return _numbered(pair.old for pair in self.pairs)

    def new_lines(self) -> dict[int, str]:
        """The known lines after the change by their number."""
        return _numbered(pair.new for pair in self.pairs)

    def masked(self) -> Versions:
        """The same with every credential replaced by asterisks."""
        return replace(
            self, pairs=tuple(Pair(_masked_piece(pair.old), _masked_piece(pair.new)) for pair in self.pairs)
        )


class Change:
    """A change by its frozen input; may be used by several threads."""

    def __init__(self, subject: ReviewInput) -> None:
        self._subject = subject
        self._lock = threading.Lock()
        self._patches: dict[str, FilePatch] | None = None
        self._masked: dict[str, Versions] = {}
        self._room = _KEPT_TEXT
        self.git = Git(Path(subject.repository)) if subject.repository else None

    def patches(self) -> dict[str, FilePatch]:
        """The changed files by their shown path; raises `ChangeMoved` when the change is another one now."""
        with self._lock:
            if self._patches is None:
                content = read_change(self._subject)
                if digest(content) != self._subject.digest:
                    raise ChangeMoved(
                        f"{self._subject.title or 'the change'} was edited since this review was started; "
                        "start a new review"
                    )
                self._patches = by_path(parse_diff(content))
            return self._patches

    def versions(self, path: str) -> Versions | Skipped:
        """Both texts of a file with every credential masked."""
        if (kept := self._masked.get(path)) is not None:
            return kept
        found = self.unmasked(path)
        if isinstance(found, Skipped):
            return found
        masked_versions = found.masked()
        with self._lock:
            if path not in self._masked and found.size <= self._room:
                self._masked[path] = masked_versions
                self._room -= found.size
        return masked_versions

    def masked_text(self, path: str) -> str | None:
        """The whole text of a file after the change, with every credential masked; None when not known."""
        if path in self.patches():
            versions = self.versions(path)
            whole = isinstance(versions, Versions) and versions.whole
            new = versions.pairs[0].new if isinstance(versions, Versions) and whole else None
            return new.text if new is not None else None
        content = self._untouched(path)
        if content is None or len(content) > MAX_TEXT:
            return None
        return masked(content.decode("utf-8", "surrogateescape"))

    def _untouched(self, path: str) -> bytes | None:
        """A file that the change leaves alone is in the commit before it."""
        if self.git is None or self._subject.base is None:
            return None
        return self.git.blob(f"{self._subject.base}:{path}")

    def unmasked(self, path: str) -> Versions | Skipped:
        """Both texts of a file as they are; nothing of this may be stored or shown."""
        patch = self.patches()[path]
        found = self._read(path, patch)
        texts = [piece.text for pair in found.pairs for piece in (pair.old, pair.new) if piece is not None]
        if any(len(text) > MAX_TEXT for text in texts):
            return Skipped(path=path, reason=f"too large: more than {MAX_TEXT:,} characters")
        if patch.new_path and found.whole and any(generated_mark(text) for text in texts[-1:]):
            return Skipped(path=path, reason="generated: its first lines say so")
        return found

    def _read(self, path: str, patch: FilePatch) -> Versions:
        if patch.old_path is None:
            text = "".join(
                f"{line.text}\n" if line.ends else line.text for hunk in patch.hunks for line in hunk.lines
            )
            return Versions(path, patch, (Pair(None, Piece(text)),))
        for old in self._old_texts(patch):
            new = applied(patch, old)
            if new is not None:
                return Versions(path, patch, (Pair(Piece(old), Piece(new) if patch.new_path else None),))
        return Versions(path, patch, tuple(map(_pieces, patch.hunks)), whole=False)

    def _old_texts(self, patch: FilePatch) -> Iterator[str]:
        if self.git is None:
            return
        names = [patch.old_blob, f"{self._subject.base}:{patch.old_path}" if self._subject.base else None]
        for name in filter(None, names):
            content = self.git.blob(name)
            if content is not None:
                yield content.decode("utf-8", "surrogateescape")


def _pieces(hunk: Hunk) -> Pair:
    old = "\n".join(line.text for line in hunk.old_lines())
    new = "\n".join(line.text for line in hunk.new_lines())
    return Pair(Piece(f"{old}\n", hunk.old_start or 1), Piece(f"{new}\n", hunk.new_start or 1))


def _numbered(pieces: Iterable[Piece | None]) -> dict[int, str]:
    return {
        number: line
        for piece in pieces
        if piece is not None
        for number, line in enumerate(piece.text.removesuffix("\n").split("\n"), piece.first)
    }


def _masked_piece(piece: Piece | None) -> Piece | None:
    return None if piece is None else replace(piece, text=masked(piece.text))
