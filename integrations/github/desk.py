"""The steps of a review at GitHub: each method is the callback of one step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from integrations.code_review import NothingToReview, ReviewInput, ReviewReport, choose_change
from integrations.code_review.finding import SHORT
from integrations.github.client import GitHub
from integrations.github.draft import Draft, drafted
from integrations.github.env import PullEnv
from integrations.github.errors import Unprocessable
from integrations.github.hunks import commentable
from integrations.github.mirror import Mirror
from integrations.github.seen import Pull
from integrations.github.standing import Remark, Standing, own_review, standing, told_at_lines
from integrations.github.subject import Posted, PullReview
from integrations.github.wording import gone_words
from workflows import Happened, Interrupted, NotHappened

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Works on one head of one pull request."""

    env: PullEnv
    review: PullReview

    async def read(self) -> Pull:
        """The pull request, as it is now."""
        async with GitHub(self.env.site) as github:
            return await github.pull(self.review.repository, self.review.number)

    async def login(self) -> str:
        """Whom the token acts as; nobody without one."""
        if self.env.site.token is None and self.env.site.login is None:
            return ""
        async with GitHub(self.env.site) as github:
            return await github.login()

    async def merge_base(self, pull: Pull) -> str:
        """The commit that the change began at."""
        async with GitHub(self.env.site) as github:
            return await github.merge_base(self.review.repository, pull.base.sha, self.review.head)

    async def standing(self, login: str) -> Standing:
        """What was said before."""
        async with GitHub(self.env.site) as github:
            return await self._standing(github, login)

    def fetch(self, base: str, settled: tuple[str, ...]) -> ReviewInput | None:
        """The change, with its commits here; None when it changes nothing. Runs git: in a thread."""
        head, reviewer = self.review.head, self.env.reviewer
        path = Mirror(self.env.site, self.env.mirrors, self.review.repository).fetch(base, head)
        try:
            chosen = choose_change(
                path, revisions=f"{base}..{head}", model=reviewer.model if reviewer else None
            )
        except NothingToReview:
            return None
        title = f"{self.review.repository}#{self.review.number}"
        return chosen.model_copy(update={"title": title, "settled": settled})

    async def post(self, login: str, report: ReviewReport, run: str) -> Posted:
        """One review of this head, if there is none and something is to be said.

        An attempt looks first, so that one whose answer was lost is found and not repeated.
        """
        repository, number, head = self.review.repository, self.review.number, self.review.head
        async with GitHub(self.env.site) as github:
            if (found := await self._posted(github, login)) is not None:
                return found
            now = await github.pull(repository, number)
            if (reason := why_not(now, self.review)) is not None:
                return Posted(stopped=True, note=reason)
            stands = await self._standing(github, login)
            draft = drafted(
                report,
                run=run,
                head=head,
                files=commentable(await github.files(repository, number)),
                known=stands.known(),
            )
            if stands.heads and not (draft.at_lines or draft.in_body):
                return Posted(note="nothing new to say")
            return await self._send(github, login, draft)

    async def look(self, login: str, _interrupted: Interrupted) -> Happened | NotHappened:
        """After a crash: whether the review was added, once what was on its way has had time to arrive."""
        await asyncio.sleep(self.env.settle)
        async with GitHub(self.env.site) as github:
            found = await self._posted(github, login)
        return NotHappened() if found is None else Happened(found)

    async def gone(self, login: str, report: ReviewReport) -> tuple[Remark, ...]:
        """Own remarks whose findings are no longer there.

        What rules found and do not find again is gone; what a model found only if its line has changed, too.
        """
        if report.found is None:
            return ()
        found = {one[:SHORT] for one in report.found}
        unread = {one.path for one in (*report.incomplete, *report.files_skipped)}
        stands = await self.standing(login)
        return tuple(
            remark
            for remark in stands.remarks
            if remark.fingerprint[:SHORT] not in found
            and remark.path not in unread
            and (remark.outdated or remark.origin != "model")
        )

    async def mark_gone(self, remark: Remark) -> int:
        """Says so in the comment; the text is the same each time."""
        async with GitHub(self.env.site) as github:
            text = gone_words(remark, self.review.head)
            return (await github.edit_comment(self.review.repository, remark.id, text)).id

    async def _send(self, github: GitHub, login: str, draft: Draft) -> Posted:
        repository, number = self.review.repository, self.review.number
        note = ""
        try:
            review = await github.post_review(repository, number, draft.request())
        except Unprocessable as error:
            if (found := await self._posted(github, login)) is not None:
                return found
            draft, note = draft.in_words(), f"no comments at lines: {error}"
            review = await github.post_review(repository, number, draft.request())
        return Posted(review=review.id, url=review.html_url, told=draft.told(), note=note)

    async def _posted(self, github: GitHub, login: str) -> Posted | None:
        """The own review of this head that stands there, with what it tells in its body and at lines."""
        repository, number = self.review.repository, self.review.number
        found = own_review(await github.reviews(repository, number), login, self.review.head)
        if found is None:
            return None
        review, mark = found
        told = (*told_at_lines(await github.comments(repository, number), review, login), *mark.findings)
        return Posted(review=review.id, url=review.html_url, told=told, note="it was posted before")

    async def _standing(self, github: GitHub, login: str) -> Standing:
        if not login:
            return Standing()
        repository, number = self.review.repository, self.review.number
        reviews = await github.reviews(repository, number)
        return standing(reviews, await github.comments(repository, number), login)


def why_not(pull: Pull, review: PullReview) -> str | None:
    """Why this head is not to be reviewed any more; None when it is."""
    if pull.state != "open":
        return f"it is {pull.state}" if pull.state in ("closed", "merged") else "it is not open"
    if pull.head.sha != review.head:
        return f"its head has moved to {pull.head.sha[:10]}"
    return None
