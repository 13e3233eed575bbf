"""`PullRequestAgent`: reviews the pull requests of one repository, at each push and by the clock."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from agents_sdk import Agent, callable  # noqa: A004  # the original's name
from agents_sdk.security import github_webhook
from integrations.github.agent.env import AgentEnv, repository_of
from integrations.github.agent.memory import Memory
from integrations.github.agent.push import Answer, Closed, Nothing, Push, wanted
from integrations.github.agent.state import RepositoryState, Reviewed
from integrations.github.agent.wishes import Wishes, read_wishes
from integrations.github.agent.workflow import ReviewForAgent
from integrations.github.client import GitHub
from integrations.github.errors import RateLimited
from integrations.github.marker import FindingMark
from integrations.github.standing import is_own
from integrations.github.subject import PullOutcome, PullReview
from workflows import Failure, Status, TryAgain

__all__ = ["PullRequestAgent"]

_UNDER_WAY: tuple[Status, ...] = ("queued", "running", "paused", "waiting", "waitingForPause")


class PullRequestAgent(Agent[AgentEnv, RepositoryState]):
    """One for each repository, named `agent_name("owner/name")`.

    A delivery of GitHub only begins a durable review, so it is answered at once. What no delivery told is
    found by looking through the open pull requests, at the times of `env.poll`.
    """

    initial_state = RepositoryState()

    @property
    def repository(self) -> str:
        """`owner/name`."""
        return repository_of(self.name)

    @property
    def memory(self) -> Memory:
        """What it remembers."""
        return Memory(self.sql)

    async def on_start(self) -> None:
        """Looks through the open pull requests from now on."""
        await self.memory.open()
        await self.schedule(self.env.poll, self.look_through)

    async def on_request(self, request: Request) -> Response:
        """Takes a delivery of GitHub, or wishes of `agents review dismiss --agent`; signed, or 401."""
        got = await github_webhook(request, self.env.secrets)
        event = request.headers.get("x-github-event", "")
        try:
            content = json.loads(got.body)
        except ValueError:
            return PlainTextResponse("this is no JSON", status_code=400)
        if event == Wishes.EVENT:
            return await self._wished(content)
        if await self.memory.was_delivered(got.id):
            return PlainTextResponse("it was taken before", status_code=200)
        said = await self._take(event, content)
        await self.memory.delivered(got.id, self._now())
        return PlainTextResponse(said, status_code=202)

    @callable()
    async def review(self, number: int) -> str:
        """Reviews a pull request as it is now; gives the id of the run. One that failed begins anew."""
        async with GitHub(self.env.site) as github:
            pull = await github.pull(self.repository, number)
        run = await self._begin(number, pull.head.sha)
        if (await self.workflows.status(run)).status == "errored":
            await self.workflows.restart(run)
        return run

    @callable()
    async def dismiss(self, fingerprints: list[str], who: str = "", reason: str = "") -> None:
        """What is not to be told again, by the beginnings of fingerprints that remarks show."""
        await self.memory.dismiss(fingerprints, who=who, reason=reason, now=self._now())
        await self._show()

    @callable()
    async def restore(self, fingerprints: list[str]) -> None:
        """What may be told again."""
        await self.memory.restore(fingerprints)
        await self._show()

    @callable()
    async def dismissals(self) -> list[dict[str, Any]]:
        """What is not told again, the newest first."""
        return [asdict(one) for one in await self.memory.dismissals()]

    async def look_through(self, _payload: None = None) -> None:
        """Begins the reviews that no delivery has begun, and ends those of what is closed."""
        try:
            async with GitHub(self.env.site) as github:
                pulls = await github.open_pulls(self.repository)
        except RateLimited as limited:
            raise TryAgain(str(limited), after=limited.after) from limited
        for pull in pulls:
            if self.env.drafts or not pull.draft:
                await self._pushed(Push(pull.number, pull.head.sha, pull.updated_at))
        for number in set(await self.memory.numbers()) - {pull.number for pull in pulls}:
            await self._closed(number)

    async def learn(self, answer: dict[str, Any]) -> None:
        """Takes in what was answered to an own comment; called by the queue."""
        async with GitHub(self.env.site) as github:
            comment = await github.comment(self.repository, answer["comment"])
            own = is_own(comment.user, await github.login())
        mark = FindingMark.of(comment.body)
        if own and mark is not None and answer["wish"] == "dismiss":
            await self.dismiss([mark.fingerprint], answer["who"], f"answered to comment {comment.id}")
        elif own and mark is not None:
            await self.restore([mark.fingerprint])

    async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:  # noqa: ARG002
        """A review came to its end: what it cost is shown, and what people answered is remembered."""
        outcome = PullOutcome.model_validate(result)
        await self.memory.restore(outcome.restored)
        await self.memory.dismiss(
            outcome.dismissed, who="", reason=f"answered at #{outcome.number}", now=self._now()
        )
        await self.memory.reviewed(id, Reviewed.of(outcome, self._now()))
        await self._show()

    async def on_workflow_error(self, workflow: str, id: str, error: Failure) -> None:  # noqa: ARG002
        """A review failed: the state says so, and `review` begins it anew."""
        _, number, head, *_ = id.split("-")
        note = f"failed: {error.name}: {error.message}"
        failed = Reviewed(number=int(number), head=head, at=self._now(), note=note)
        await self.memory.reviewed(id, failed)
        await self._show()

    async def _take(self, event: str, content: Any) -> str:
        match wanted(event, content, self.repository, drafts=self.env.drafts):
            case Push() as push:
                return await self._pushed(push)
            case Closed(number):
                await self._closed(number)
                return "its review is ended"
            case Answer() as answer:
                await self.queue(self.learn, asdict(answer))
                return "it is taken in"
            case Nothing(why):
                return f"nothing to do: {why}"

    async def _pushed(self, push: Push) -> str:
        if not await self.memory.is_newest(push.number, push.head, push.updated):
            return "nothing to do: a later head is known"
        return await self._begin(push.number, push.head)

    async def _begin(self, number: int, head: str) -> str:
        dismissed = tuple(one.fingerprint for one in await self.memory.dismissals())
        review = PullReview(
            repository=self.repository, number=number, head=head, post=self.env.post, dismissed=dismissed
        )
        about = {"number": number}
        run = await self.run_workflow(ReviewForAgent, review, id=review.id, metadata=about, exist_ok=True)
        await self._end_reviews(number, but=run)
        return run

    async def _closed(self, number: int) -> None:
        await self.memory.closed(number)
        await self._end_reviews(number, but="")

    async def _end_reviews(self, number: int, *, but: str) -> None:
        """A newer head is to be reviewed, or none."""
        page = await self.workflows.list(status=_UNDER_WAY, metadata={"number": number}, limit=100)
        for one in page.workflows:
            if one.id != but:
                await self.workflows.terminate(one.id)

    async def _wished(self, content: Any) -> Response:
        wishes = read_wishes(content, now=self._now())
        if wishes is None:
            return PlainTextResponse("it is too old, or not understood", status_code=400)
        if wishes.action == "dismiss":
            await self.dismiss(list(wishes.fingerprints), wishes.who, wishes.reason)
        elif wishes.action == "restore":
            await self.restore(list(wishes.fingerprints))
        return JSONResponse(await self.dismissals())

    async def _show(self) -> None:
        await self.set_state(await self.memory.shown(self.repository))

    def _now(self) -> float:
        return self.ctx.clock.now()
