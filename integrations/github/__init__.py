"""GitHub: pull requests are reviewed, and told what is new, once for each head."""

from integrations.github.address import PullAddress, review_id
from integrations.github.client import GitHub
from integrations.github.env import PullEnv
from integrations.github.errors import (
    GitHubError,
    GitHubLater,
    GitHubNotConfigured,
    GitHubRefused,
    RateLimited,
    Unprocessable,
)
from integrations.github.patience import Patience
from integrations.github.site import Site
from integrations.github.subject import Posted, PullOutcome, PullReview
from integrations.github.workflow import ReviewPullRequest

__all__ = [
    "GitHub",
    "GitHubError",
    "GitHubLater",
    "GitHubNotConfigured",
    "GitHubRefused",
    "Patience",
    "Posted",
    "PullAddress",
    "PullEnv",
    "PullOutcome",
    "PullReview",
    "RateLimited",
    "ReviewPullRequest",
    "Site",
    "Unprocessable",
    "review_id",
]
