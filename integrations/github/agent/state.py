"""What the agent of a repository shows of itself: what it reviewed last, and what that cost."""

from __future__ import annotations

from integrations.code_review import Spent
from integrations.github.subject import PullOutcome
from integrations.value import Value

__all__ = ["RepositoryState", "Reviewed"]


class Reviewed(Value):
    """One review, in a few words."""

    number: int
    head: str
    at: float
    """When it ended, in seconds since the epoch."""
    findings: int = 0
    told: int = 0
    url: str = ""
    note: str = ""
    """Why nothing was told, or what went wrong."""
    spent: Spent = Spent()

    @classmethod
    def of(cls, outcome: PullOutcome, at: float) -> Reviewed:
        """A review that came to its end."""
        report = outcome.report
        return cls(
            number=outcome.number,
            head=outcome.head,
            at=at,
            findings=0 if report is None else len(report.findings),
            told=len(outcome.posted.told),
            url=outcome.posted.url,
            note=outcome.stopped or outcome.posted.note,
            spent=Spent() if report is None else report.usage,
        )


class RepositoryState(Value):
    """Seen by every client of the agent."""

    repository: str = ""
    reviews: int = 0
    dismissed: int = 0
    spent: Spent = Spent()
    """Of all reviews."""
    latest: tuple[Reviewed, ...] = ()
    """The last ten, newest first."""
