"""A repository as a fake GitHub hosts it: its pull requests, and what was said at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.github.testing.repository import ChangedFile, LocalRepository

__all__ = ["Hosted", "HostedPull", "Said", "Unacceptable"]

_LONGEST = 65_536


class Unacceptable(Exception):
    """What GitHub answers with 422."""


@dataclass(slots=True)
class Said:
    """A comment at a line."""

    id: int
    login: str
    body: str
    path: str
    line: int
    commit: str
    review: int | None = None
    start_line: int | None = None
    association: str = "NONE"
    answers: int | None = None


@dataclass(slots=True)
class HostedPull:
    """A pull request from `branch` to `base`; a commit on the branch is a push to it."""

    number: int
    branch: str
    base: str = "main"
    draft: bool = False
    state: str = "open"
    reviews: list[dict[str, Any]] = field(default_factory=list)
    comments: list[Said] = field(default_factory=list)


class Hosted:
    """One repository; ids are counted over all its pull requests."""

    def __init__(self, name: str, repository: LocalRepository) -> None:
        self.name = name
        self.git = repository
        self.pulls: dict[int, HostedPull] = {}
        self._last = 1_000

    def open(self, branch: str, *, base: str = "main", draft: bool = False) -> HostedPull:
        """A new pull request."""
        pull = HostedPull(len(self.pulls) + 1, branch, base, draft)
        self.pulls[pull.number] = pull
        self.head(pull)
        return pull

    def head(self, pull: HostedPull) -> str:
        """The last commit of the pull request, which can be fetched from now on."""
        commit = self.git.commit(pull.branch)
        self.git.point(f"refs/pull/{pull.number}/head", commit)
        return commit

    def shown(self, pull: HostedPull) -> dict[str, Any]:
        """A pull request, as the API tells it."""
        when = self.git.git("log", "-1", "--format=%cI", pull.branch).decode().strip()
        return {
            "number": pull.number,
            "state": pull.state,
            "draft": pull.draft,
            "title": "a change",
            "updated_at": when,
            "head": {"sha": self.head(pull), "ref": pull.branch},
            "base": {"sha": self.git.commit(pull.base), "ref": pull.base},
        }

    def changed(self, pull: HostedPull, head: str | None = None) -> list[ChangedFile]:
        """What it changes."""
        head = head or self.head(pull)
        return self.git.changed(self.git.merge_base(self.git.commit(pull.base), head), head)

    def shown_comment(self, pull: HostedPull, said: Said) -> dict[str, Any]:
        """A comment; its line is null once a push has changed the file."""
        same = self.git.blob(said.commit, said.path) == self.git.blob(self.head(pull), said.path)
        return {
            "id": said.id,
            "path": said.path,
            "body": said.body,
            "line": said.line if same else None,
            "start_line": said.start_line,
            "side": "RIGHT",
            "user": {"login": said.login},
            "author_association": said.association,
            "in_reply_to_id": said.answers,
            "pull_request_review_id": said.review,
        }

    def review(self, pull: HostedPull, login: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Adds a review with its comments, or raises `Unacceptable` and adds nothing."""
        commit, body = asked.get("commit_id") or self.head(pull), asked.get("body") or ""
        comments: Sequence[Mapping[str, Any]] = asked.get("comments") or []
        files = {one.name: one for one in self.changed(pull, commit)}
        for one in comments:
            _check(one, files.get(str(one.get("path"))))
        if not body and not comments:
            raise Unacceptable("Unprocessable Entity: a review needs a body")
        if len(body) > _LONGEST or any(len(one["body"]) > _LONGEST for one in comments):
            raise Unacceptable("body is too long (maximum is 65536 characters)")
        self._last += 1
        number = self._last
        review = {
            "id": number,
            "body": body,
            "user": {"login": login},
            "commit_id": commit,
            "state": {"COMMENT": "COMMENTED", "APPROVE": "APPROVED"}.get(str(asked.get("event")), "PENDING"),
            "html_url": f"https://github.example/{self.name}/pull/{pull.number}#review-{self._last}",
        }
        pull.reviews.append(review)
        for one in comments:
            self.say(
                pull,
                login,
                one["body"],
                path=one["path"],
                line=one["line"],
                commit=commit,
                review=number,
                start_line=one.get("start_line"),
            )
        return review

    def say(
        self,
        pull: HostedPull,
        login: str,
        body: str,
        *,
        path: str,
        line: int,
        commit: str,
        review: int | None = None,
        start_line: int | None = None,
    ) -> Said:
        """Adds a comment at a line."""
        self._last += 1
        said = Said(self._last, login, body, path, line, commit, review, start_line)
        pull.comments.append(said)
        return said

    def reply(self, pull: HostedPull, said: Said, login: str, body: str, association: str = "MEMBER") -> Said:
        """A person answers to a comment."""
        reply = self.say(pull, login, body, path=said.path, line=said.line, commit=said.commit)
        reply.association, reply.answers = association, said.id
        return reply


def _check(comment: Mapping[str, Any], file: ChangedFile | None) -> None:
    side, line = str(comment.get("side", "RIGHT")), int(comment.get("line") or 0)
    if file is None:
        raise Unacceptable("Path could not be resolved")
    hunk = file.hunk_of(line, side)
    if hunk is None:
        raise Unacceptable("Line could not be resolved")
    start = comment.get("start_line")
    if start is not None and (int(start) >= line or file.hunk_of(int(start), side) != hunk):
        raise Unacceptable("Start line must precede the end line in the same hunk")
