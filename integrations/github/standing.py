"""What stands at a pull request already: own reviews and remarks, and what people answered to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from integrations.code_review.finding import SHORT
from integrations.github.marker import FindingMark, ReviewMark, is_gone
from integrations.github.seen import Author, Comment, Review
from integrations.value import Value

__all__ = ["Remark", "Standing", "is_own", "own_review", "standing", "told_at_lines", "wish_of"]

_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Those who may write to the repository; the author of a change from a fork is none of them."""
_WISH = re.compile(r"\s*/(dismiss|restore)\b", re.IGNORECASE)


class Remark(Value):
    """An own comment at a line that tells a finding."""

    id: int
    path: str
    fingerprint: str
    origin: str
    body: str
    outdated: bool
    """A later push has changed what it stands at."""


class Standing(Value):
    """What a review of the next head has to know."""

    remarks: tuple[Remark, ...] = ()
    """Those that are not gone."""
    in_bodies: tuple[str, ...] = ()
    """Fingerprints that the bodies of own reviews tell."""
    dismissed: tuple[str, ...] = ()
    """Fingerprints whose remarks were answered with `/dismiss`."""
    restored: tuple[str, ...] = ()
    """And with `/restore`, later."""
    heads: tuple[str, ...] = ()
    """The heads that were reviewed."""

    def known(self) -> set[str]:
        """What is told already, by `Finding.short`."""
        return {one[:SHORT] for one in (*(remark.fingerprint for remark in self.remarks), *self.in_bodies)}


def standing(reviews: Iterable[Review], comments: Sequence[Comment], login: str) -> Standing:
    """What of all this is of the account `login`, and what was answered to it."""
    said = [told for one in reviews if is_own(one.user, login) and (told := ReviewMark.of(one.body))]
    own = {one.id: mark for one in comments if is_own(one.user, login) and (mark := FindingMark.of(one.body))}
    wishes: dict[str, str] = {}
    for one in sorted(comments, key=lambda comment: comment.id):
        remark = own.get(one.in_reply_to_id or 0)
        if remark is not None and (wish := wish_of(one)):
            wishes[remark.fingerprint] = wish
    return Standing(
        remarks=tuple(
            Remark(
                id=one.id,
                path=one.path,
                fingerprint=own[one.id].fingerprint,
                origin=own[one.id].origin,
                body=one.body,
                outdated=one.line is None,
            )
            for one in comments
            if one.id in own and not is_gone(one.body)
        ),
        in_bodies=tuple(dict.fromkeys(one for told in said for one in told.findings)),
        dismissed=tuple(one for one, wish in wishes.items() if wish == "dismiss"),
        restored=tuple(one for one, wish in wishes.items() if wish == "restore"),
        heads=tuple(dict.fromkeys(told.head for told in said)),
    )


def own_review(reviews: Iterable[Review], login: str, head: str) -> tuple[Review, ReviewMark] | None:
    """The own review of a head, if it was posted."""
    for one in reviews:
        mark = ReviewMark.of(one.body) if is_own(one.user, login) else None
        if mark is not None and mark.head == head:
            return one, mark
    return None


def told_at_lines(comments: Iterable[Comment], review: Review, login: str) -> list[str]:
    """The fingerprints of what an own review tells at lines."""
    said = (one for one in comments if one.pull_request_review_id == review.id and is_own(one.user, login))
    return [mark.fingerprint for one in said if (mark := FindingMark.of(one.body)) is not None]


def is_own(user: Author | None, login: str) -> bool:
    """Whether the account is `login`; GitHub does not tell upper case from lower."""
    return user is not None and user.login.lower() == login.lower()


def wish_of(comment: Comment) -> str | None:
    """`dismiss` or `restore`, when somebody who may write to the repository answers so."""
    found = _WISH.match(comment.body)
    return found[1].lower() if found and comment.author_association in _TRUSTED else None
