"""What a run reviews, and what comes of it: small, frozen, and without a secret."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from integrations.code_review import ReviewReport
from integrations.github.address import is_repository, is_sha, review_id
from integrations.value import Value

__all__ = ["Posted", "PullOutcome", "PullReview"]


def _repository(text: str) -> str:
    if not is_repository(text):
        raise ValueError("a repository is OWNER/NAME")
    return text


def _sha(text: str) -> str:
    if not is_sha(text):
        raise ValueError("a head is the whole hash of a commit")
    return text


class PullReview(Value):
    """One head of one pull request. Create its run with `id=review.id`: then there is one for each head."""

    model_config = ConfigDict(extra="forbid")

    repository: Annotated[str, AfterValidator(_repository)]
    number: int = Field(ge=1)
    head: Annotated[str, AfterValidator(_sha)]
    post: bool = True
    """Post what is found; else it is only reported."""
    dismissed: tuple[str, ...] = ()
    """Fingerprints, or their beginnings, of what people do not want to be told again."""
    report: ReviewReport | None = None
    """A report of this head that is there already, and is only to be posted."""

    @property
    def id(self) -> str:
        """The id of the instance that reviews it."""
        return review_id(self.repository, self.number, self.head)


class Posted(Value):
    """What was posted about a head."""

    review: int | None = None
    """GitHub's number of the review; None: there was nothing to say."""
    url: str = ""
    told: tuple[str, ...] = ()
    """Fingerprints of what it tells."""
    stopped: bool = False
    """The pull request has moved on or is closed."""
    note: str = ""
    """Why nothing was posted, or why findings do not stand at their lines."""


class PullOutcome(Value):
    """How the review of a head came out."""

    repository: str
    number: int
    head: str
    report: ReviewReport | None = None
    """None when it was stopped before."""
    stopped: str = ""
    """Why there is no review, in words."""
    posted: Posted = Field(default_factory=Posted)
    gone: tuple[int, ...] = ()
    """Comments that were marked, because their findings are gone."""
    dismissed: tuple[str, ...] = ()
    """What people dismissed by their answers at the pull request."""
    restored: tuple[str, ...] = ()
    """And what they restored."""
