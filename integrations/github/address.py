"""A pull request by its address, and the id of the instance that reviews one of its heads."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.code_review.visible import visible
from integrations.github.errors import GitHubRefused
from integrations.github.site import Site

__all__ = ["PullAddress", "is_repository", "is_sha", "review_id"]

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}", re.ASCII)
_PATH = re.compile(r"/(?P<repository>[^/]+/[^/]+)/pull/(?P<number>[1-9][0-9]{0,17})(?:/.*)?", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PullAddress:
    """`owner/name` and a number."""

    repository: str
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"

    @classmethod
    def of_url(cls, url: str, site: Site) -> PullAddress:
        """The pull request that a URL of `site` names; the token goes to no other host."""
        shown, parts = visible(url), urlsplit(url)
        found = _PATH.fullmatch(parts.path)
        if found is None or not is_repository(found["repository"]):
            raise GitHubRefused(f"{shown} is no pull request: write {site.web}/OWNER/NAME/pull/NUMBER")
        if parts.netloc.lower() != urlsplit(site.web).netloc.lower():
            raise GitHubRefused(
                f"{shown} is not of {site.web}: set GITHUB_API_URL to the API of its host, "
                "and name the host in GITHUB_HOSTS"
            )
        return cls(found["repository"], int(found["number"]))


def is_repository(text: str) -> bool:
    """Whether it is `owner/name`."""
    return _REPOSITORY.fullmatch(text) is not None


def is_sha(text: str) -> bool:
    """Whether it is the whole hash of a commit."""
    return _SHA.fullmatch(text) is not None


def review_id(repository: str, number: int, head: str) -> str:
    """The id of the one instance that reviews this head; a webhook that comes twice finds it again."""
    return f"review-{number}-{head}-{hashlib.sha256(repository.encode()).hexdigest()[:12]}"
