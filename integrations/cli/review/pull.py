"""A review of a pull request by its URL: from GitHub to a report, and back only when that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from integrations.cli.errors import CommandError, NotNow
from integrations.cli.out import remark
from integrations.cli.review.answering import PATIENCE, Ask, Manner
from integrations.cli.review.dismissed import Dismissals, without
from integrations.cli.review.durable import Asked, Ran, Reviewed, run_durably
from integrations.cli.review.place import private_folder
from integrations.cli.review.progress import Progress, clock_time
from integrations.code_review import CodeReview, Reviewer
from integrations.code_review.subject import digest
from integrations.github import GitHub, PullAddress, PullEnv, PullOutcome, PullReview, ReviewPullRequest, Site
from integrations.github.errors import GitHubLater
from integrations.github.seen import Pull

__all__ = ["PullQuestion"]


@dataclass(frozen=True, slots=True)
class PullQuestion:
    """A pull request of the GitHub that the environment names."""

    site: Site
    address: PullAddress
    post: bool = False

    @classmethod
    def of(cls, words: Sequence[str], *, post: bool) -> PullQuestion:
        """The question of a command line that is a URL."""
        if len(words) > 1:
            raise CommandError(f"too many words ({' '.join(words)}): give one URL")
        site = Site.from_environment()
        if post and site.token is None:
            raise CommandError("--post needs a token: set GITHUB_TOKEN")
        return cls(site, PullAddress.of_url(words[0], site), post)

    def by(self, manner: Manner) -> Ask:
        """Reviews it in this manner."""

        async def ask(reviewer: Reviewer | None) -> Reviewed:
            mirrors = private_folder(None) / "mirrors"
            env = PullEnv(reviewer=reviewer, retries=PATIENCE.retries(), github=self.site, mirrors=mirrors)
            return await self.reviewed(env, database=manner.database, again=manner.again)

        return ask

    async def reviewed(self, env: PullEnv, *, database: Path | None, again: bool) -> Reviewed:
        """The report of the head as it is now; it is posted once, however often it is asked for."""
        pull = await self._pull()
        dismissed = Dismissals.of_repository(self.address.repository).settled()
        review = PullReview(
            repository=self.address.repository,
            number=self.address.number,
            head=pull.head.sha,
            post=False,
            dismissed=dismissed,
        )
        by = "offline" if env.reviewer is None else digest(env.reviewer.model.encode())[:8]
        file = database or private_folder(None) / f"{review.id}-{by}.db"
        found = await self._run(review, f"{review.id}-{by}", env, file, again=again)
        outcome = _outcome(found)
        assert outcome.report is not None
        reviewed = Reviewed(without(outcome.report, dismissed), kept=found.kept, recorded=found.recorded)
        if self.post:
            await self._post(review, reviewed, env, file, id=f"{review.id}-{by}-post")
        return reviewed

    async def _pull(self) -> Pull:
        """The pull request as it is now. Not durable: its head is a part of what names the review."""
        try:
            async with GitHub(self.site) as github:
                return await github.pull(self.address.repository, self.address.number)
        except GitHubLater as error:
            when = "later" if error.after is None else f"after {clock_time(error.after)}"
            raise NotNow(f"{error}; ask again {when}") from error

    async def _post(
        self, review: PullReview, reviewed: Reviewed, env: PullEnv, file: Path, *, id: str
    ) -> None:
        asked = review.model_copy(update={"post": True, "report": reviewed.report})
        posted = _outcome(await self._run(asked, id, env, file, again=False)).posted
        if posted.url:
            remark(f"posted: {posted.url}{f' ({posted.note})' if posted.note else ''}")
        else:
            remark(f"nothing was posted: {posted.note}")

    async def _run(self, review: PullReview, id: str, env: PullEnv, file: Path, *, again: bool) -> Ran:
        asked = Asked(ReviewPullRequest, id, review, children=[CodeReview])
        with Progress(str(self.address)) as progress:
            return await run_durably(asked, database=file, env=env, again=again, follow=progress.saw)


def _outcome(ran: Ran) -> PullOutcome:
    outcome = ran.output
    assert isinstance(outcome, PullOutcome)
    if outcome.stopped:
        raise CommandError(f"there is no review of {outcome.repository}#{outcome.number}: {outcome.stopped}")
    return outcome
