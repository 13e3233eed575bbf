"""The files of a diff by their path."""

from __future__ import annotations

from collections.abc import Iterable

from integrations.code_review.diff.model import FilePatch
from integrations.code_review.errors import ReviewError
from integrations.code_review.visible import visible

__all__ = ["by_path", "shown_path"]

_ODD_MODES = frozenset({"120000", "160000"})


def shown_path(patch: FilePatch) -> str:
    """The path as it is written in a review."""
    return visible(patch.path, kept=frozenset())


def by_path(patches: Iterable[FilePatch]) -> dict[str, FilePatch]:
    """The files by their shown path; raises `ReviewError` when a file is changed twice."""
    found: dict[str, FilePatch] = {}
    for patch in patches:
        path = shown_path(patch)
        other = found.get(path)
        if other is None or _is_odd(patch):
            found[path] = patch
        elif not _is_odd(other):  # a file that becomes a link is written as two files
            raise ReviewError(
                f"the diff changes {path} twice; a series of patches must be squashed into one diff"
            )
    return found


def _is_odd(patch: FilePatch) -> bool:
    return bool(_ODD_MODES & {patch.old_mode, patch.new_mode})
