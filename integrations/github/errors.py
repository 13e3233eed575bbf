"""What asking GitHub can come to.

GitHubError                 the root
├── GitHubRefused           final: wrong question, no permission, no such thing
│   ├── Unprocessable       422: GitHub understood, and will not do it
│   └── GitHubNotConfigured no token, no allowed address
└── GitHubLater             the same may succeed later; `.after` are seconds that GitHub asked for
    └── RateLimited         over a limit, until `.after`
"""

from __future__ import annotations

from workflows.errors import NonRetryableError, WorkflowError

__all__ = [
    "GitHubError",
    "GitHubLater",
    "GitHubNotConfigured",
    "GitHubRefused",
    "RateLimited",
    "Unprocessable",
]


class GitHubError(WorkflowError):
    """The root of all errors of `integrations.github`."""


class GitHubRefused(GitHubError, NonRetryableError):
    """GitHub said no, and would say it again."""


class Unprocessable(GitHubRefused):
    """GitHub understood, and will not do it: e.g. a comment on a line that is not in the diff."""


class GitHubNotConfigured(GitHubRefused):
    """There is no token, or the address is not one that a token may be sent to."""


class GitHubLater(GitHubError):
    """GitHub could not do it now; `after` are seconds to wait, when it named any."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message, after)
        self.after = after

    def __str__(self) -> str:
        return str(self.args[0])


class RateLimited(GitHubLater):
    """A limit is reached; `after` may be most of an hour."""
