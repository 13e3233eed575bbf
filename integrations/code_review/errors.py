"""What a review refuses, each with one sentence that names the thing.

ReviewError                 the root; never retried: the input is at fault
├── NotARepository          the folder is not inside a git repository
├── NothingToReview         the change is empty
├── GitFailed               git refused
├── DiffError               the diff does not parse; `.line` says where
├── SettingsError           the settings of the base commit are wrong
├── ChangeMoved             the files under review are not the ones that the review was started with
└── NoReviewer              the review was started with a model, and none is configured now
"""

from __future__ import annotations

from workflows.errors import NonRetryableError

__all__ = [
    "ChangeMoved",
    "DiffError",
    "GitFailed",
    "NoReviewer",
    "NotARepository",
    "NothingToReview",
    "ReviewError",
    "SettingsError",
]


class ReviewError(NonRetryableError):
    """The review cannot be done as asked; trying again would not help."""


class NotARepository(ReviewError):
    """The folder is not inside a git repository."""


class NothingToReview(ReviewError):
    """The change is empty."""


class GitFailed(ReviewError):
    """The git program is missing, or refused."""


class DiffError(ReviewError):
    """The diff does not parse; `line` is the number of the line in the diff, from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.args = (message, line)
        self.line = line

    def __str__(self) -> str:
        return f"the diff does not parse at line {self.line}: {self.args[0]}"


class SettingsError(ReviewError):
    """The settings of the base commit are wrong."""


class ChangeMoved(ReviewError):
    """The change differs from the one that the review was started with."""


class NoReviewer(ReviewError):
    """The review was started with a model, and none is configured now."""
