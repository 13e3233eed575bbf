"""The bytes of a change, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

from integrations.code_review.errors import ReviewError
from integrations.code_review.git import Git
from integrations.code_review.subject import ReviewInput
from integrations.code_review.visible import visible

__all__ = ["read_change"]


def read_change(subject: ReviewInput) -> bytes:
    """The diff that `subject` names, as it is now."""
    match subject:
        case ReviewInput(kind="patch", patch=str(patch)):
            return _file(Path(patch))
        case ReviewInput(repository=str(root), kind="worktree", base=str(base)):
            return Git(Path(root)).diff(base)
        case ReviewInput(repository=str(root), kind="staged", base=str(base)):
            return Git(Path(root)).diff("--cached", base)
        case ReviewInput(repository=str(root), kind="range", base=str(base), head=str(head)):
            return Git(Path(root)).diff(base, head)
        case _:
            raise ReviewError("the review names no change; make its input with choose_change()")


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReviewError(f"cannot read the patch {visible(str(path))}: {error.strerror}") from None
