"""What a delivery of GitHub asks for. Of its words only names, numbers and hashes are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from integrations.github.address import is_repository, is_sha
from integrations.github.seen import Comment, Pull
from integrations.github.standing import wish_of
from integrations.value import Value

__all__ = ["Answer", "Closed", "Nothing", "Push", "Wanted", "wanted"]

_PUSHED = frozenset({"opened", "synchronize", "reopened", "ready_for_review"})


@dataclass(frozen=True, slots=True)
class Push:
    """A head is to be reviewed."""

    number: int
    head: str
    updated: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A pull request is closed."""

    number: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody who may write to the repository answers `/dismiss` or `/restore` to a comment."""

    comment: int
    wish: Literal["dismiss", "restore"]
    who: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, and why."""

    why: str


Wanted = Push | Closed | Answer | Nothing


class _Repository(Value):
    full_name: str


class _Delivery(Value):
    model_config = ConfigDict(extra="ignore")

    repository: _Repository
    action: str = ""
    pull_request: Pull | None = None
    comment: Comment | None = None


def wanted(event: str, content: Any, repository: str, *, drafts: bool) -> Wanted:
    """What a signed delivery wants of the agent of `repository`."""
    try:
        delivery = _Delivery.model_validate(content)
    except ValidationError:
        return Nothing(f"{event} is not understood")
    if not is_repository(repository) or delivery.repository.full_name.lower() != repository.lower():
        return Nothing("it is of another repository")
    match event, delivery:
        case "pull_request", _Delivery(pull_request=Pull() as pull, action="closed"):
            return Closed(pull.number)
        case "pull_request", _Delivery(pull_request=Pull() as pull, action=action) if action in _PUSHED:
            return _pushed(pull, drafts=drafts)
        case "pull_request_review_comment", _Delivery(comment=Comment() as comment, action="created"):
            return _answered(comment)
    return Nothing(f"{event} {delivery.action}".strip() + " needs nothing")


def _pushed(pull: Pull, *, drafts: bool) -> Wanted:
    if pull.draft and not drafts:
        return Nothing("it is a draft")
    return Push(pull.number, pull.head.sha, pull.updated_at) if is_sha(pull.head.sha) else Nothing("no head")


def _answered(comment: Comment) -> Wanted:
    wish = wish_of(comment)
    if wish is None or comment.in_reply_to_id is None:
        return Nothing("it is no /dismiss and no /restore of somebody who may write here")
    who = comment.user.login if comment.user else ""
    return Answer(comment.in_reply_to_id, "dismiss" if wish == "dismiss" else "restore", who)
