"""What is asked to be reviewed, as the command line says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from integrations.cli.errors import CommandError
from integrations.cli.review.stdin import PIPED
from integrations.code_review import ReviewInput, choose_change

__all__ = ["Question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """At most one of `base`, `staged`, `patch` and `revisions` is given; `choose_change` says so."""

    folder: Path
    revisions: str | None = None
    base: str | None = None
    staged: bool = False
    patch: Path | None = None

    @classmethod
    def of(cls, words: Sequence[str], *, base: str | None, staged: bool, patch: Path | None) -> Question:
        """The question of a command line; `words` are a folder, a range, both or neither."""
        ranges = [word for word in words if _is_range(word)]
        folders = [word for word in words if not _is_range(word)]
        if len(ranges) > 1 or len(folders) > 1:
            raise CommandError(f"too many words ({' '.join(words)}): give one folder and one range A..B")
        folder = Path(folders[0]) if folders else Path()
        if not folder.exists():
            raise CommandError(
                f"{folders[0]!r} is neither a folder nor a range: for a branch write --base {folders[0]}, "
                f"for commits {folders[0]}..HEAD"
            )
        return cls(
            folder=folder,
            revisions=ranges[0] if ranges else None,
            base=base,
            staged=staged,
            patch=patch,
        )

    def subject(self, *, model: str | None) -> ReviewInput:
        """The change that is meant, frozen; raises a `ReviewError` when there is none."""
        chosen = choose_change(
            self.folder,
            base=self.base,
            staged=self.staged,
            revisions=self.revisions,
            patch=self.patch,
            model=model,
        )
        piped = self.patch is not None and self.patch.suffix == PIPED
        return chosen.model_copy(update={"title": "the patch on stdin"}) if piped else chosen


def _is_range(word: str) -> bool:
    """`a..b` is one, `../b` is a folder."""
    return ".." in word and ".." not in word.replace("\\", "/").split("/")
