"""What is read of GitHub: the few fields that are needed of each thing."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from integrations.value import Value

__all__ = ["Author", "Comment", "Commit", "Compared", "File", "Pull", "Review"]


class _Seen(Value):
    model_config = ConfigDict(extra="ignore")


class Author(_Seen):
    """An account."""

    login: str


class Commit(_Seen):
    """One end of a pull request, or the commit that two others have in common."""

    sha: str


class Pull(_Seen):
    """A pull request. Its title and its branches are words of strangers, and are not read."""

    number: int
    state: str
    head: Commit
    base: Commit
    draft: bool = False
    updated_at: str = ""


class Compared(_Seen):
    """Two commits, compared."""

    merge_base_commit: Commit


class File(_Seen):
    """A changed file; GitHub tells no `patch` of those that are binary or large."""

    filename: str
    patch: str | None = None


class Review(_Seen):
    """A review that stands at a pull request."""

    id: int
    body: str | None = None
    user: Author | None = None
    html_url: str = ""


class Comment(_Seen):
    """A comment at a line; `line` is None when a later push has changed what it stands at."""

    id: int
    path: str
    body: str = ""
    line: int | None = None
    user: Author | None = None
    author_association: str = "NONE"
    in_reply_to_id: int | None = None
    pull_request_review_id: int | None = None
    updated_at: str = Field(default="", repr=False)
