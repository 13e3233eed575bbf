"""The agent of a repository: deliveries, the clock, what it remembers and what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents_sdk import AgentsApp
from agents_sdk.security import Secret
from integrations.code_review import CodeReview, ModelAnswer, ModelRequest, Reviewer, ScriptedReviewer, Spent
from integrations.github import review_id
from integrations.github.agent import AgentEnv, PullRequestAgent, ReviewForAgent, agent_name
from integrations.github.testing import Fault
from tests.integrations.github.hosting import NAME, Place, place
from workflows import StepContext
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

SECRET = "It's a Secret to Everybody"
URL = f"/agents/pull-request-agent/{agent_name(NAME)}"


async def until(holds: Callable[[], bool]) -> None:
    """Returns once it holds; the test has a time limit."""
    while not holds():  # noqa: ASYNC110  # what is waited for is told by nobody
        await asyncio.sleep(0.01)


@dataclass(slots=True)
class Desk:
    """The app, its agent, and a client as GitHub is one."""

    here: Place
    clock: VirtualClock
    agent: PullRequestAgent
    client: httpx.AsyncClient

    async def deliver(self, action: str, *, delivery: str, secret: str = SECRET) -> httpx.Response:
        headers, body = self.here.github.webhook(
            self.here.hosted, self.here.pull, action, secret=secret, delivery=delivery
        )
        return await self.client.post(URL, headers=headers, content=body)

    async def send(self, event: str, content: Any, *, delivery: str = "x") -> httpx.Response:
        body = json.dumps(content).encode()
        headers = self.here.github.signed(event, body, secret=SECRET, delivery=delivery)
        return await self.client.post(URL, headers=headers, content=body)

    async def reviews(self, number: int) -> None:
        """Returns once so many are done."""
        await until(lambda: self.agent.state.reviews >= number)

    async def posts(self, number: int) -> None:
        await until(lambda: len(self.here.pull.reviews) >= number)


@asynccontextmanager
async def desk(here: Place, reviewer: Reviewer | None = None, **settings: Any) -> AsyncIterator[Desk]:
    given = here.env(reviewer)
    env = AgentEnv(
        **{one.name: getattr(given, one.name) for one in fields(given)},
        repositories=[NAME],
        secrets=[Secret(SECRET)],
        **settings,
    )
    clock = VirtualClock()
    app = AgentsApp(
        [PullRequestAgent],
        [CodeReview, ReviewForAgent],
        data=here.folder / "data",
        env=env,
        clock=clock,
        allowed_hosts=["reviews.example"],
        on_before_request=env.webhooks_only,
    )
    transport = httpx.ASGITransport(app)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://reviews.example") as client:
        agent = await app.get_agent(PullRequestAgent, agent_name(NAME))
        yield Desk(here, clock, agent, client)


async def test_a_push_is_reviewed_and_a_delivery_that_comes_again_is_not(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        answer = await at.deliver("opened", delivery="d-1")
        head = here.asked().head
        assert (answer.status_code, answer.text) == (202, review_id(NAME, 1, head))
        await at.reviews(1)
        assert here.lines() == ["shop.py:5", "shop.py:6"]
        assert (await at.deliver("opened", delivery="d-1")).text == "it was taken before"
        await at.deliver("synchronize", delivery="d-2")  # another delivery for the same head
        assert here.github.count("POST", "/reviews") == 1
        assert (await at.agent.workflows.list()).total == 1


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
async def test_what_begins_a_review(tmp_path: Path, action: str) -> None:
    async with place(tmp_path) as here, desk(here, post=False) as at:
        await at.deliver(action, delivery="d")
        await at.reviews(1)
        assert at.agent.state.latest[0].findings == 2
        assert here.pull.reviews == []


@pytest.mark.parametrize("action", ["labeled", "edited", "assigned"])
async def test_what_begins_none(tmp_path: Path, action: str) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        answer = await at.deliver(action, delivery="d")
        assert (answer.status_code, answer.text) == (
            202,
            f"nothing to do: pull_request {action} needs nothing",
        )
        assert (await at.send("ping", {"repository": {"full_name": NAME}})).status_code == 202
        assert (await at.agent.workflows.list()).total == 0


async def test_drafts_are_reviewed_where_it_is_wanted(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.pull.draft = True
        async with desk(here) as at:
            assert (await at.deliver("opened", delivery="d-1")).text == "nothing to do: it is a draft"
            await at.agent.look_through()
            assert (await at.agent.workflows.list()).total == 0
        async with desk(here, drafts=True) as at:
            await at.deliver("opened", delivery="d-2")
            await at.reviews(1)


async def test_who_has_not_signed_is_refused(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        assert (await at.deliver("opened", delivery="d", secret="wrong")).status_code == 401
        headers, body = here.github.webhook(here.hosted, here.pull, "opened", secret=SECRET, delivery="d")
        assert (await at.client.post(URL, headers=headers, content=body + b" ")).status_code == 401
        assert (await at.client.post(URL, content=body)).status_code == 404  # no signature at all
        assert (await at.client.get(URL, headers=headers)).status_code == 404
        other = URL.replace("shop", "other")
        assert (await at.client.post(other, headers=headers, content=body)).status_code == 404
        foreign = await at.send("pull_request", {**json.loads(body), "repository": {"full_name": "octo/x"}})
        assert foreign.text == "nothing to do: it is of another repository"
        assert (await at.agent.workflows.list()).total == 0


async def test_a_newer_push_ends_the_older_review(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        stalled = Stalled()
        async with desk(here, stalled) as at:
            first = (await at.deliver("opened", delivery="d-1")).text
            await stalled.asked.wait()
            here.push({"notes.md": "# Notes\n"})
            stalled.ready = True
            await at.deliver("synchronize", delivery="d-2")
            await at.reviews(1)
            assert (await at.agent.workflows.status(first)).status == "terminated"
            assert [one.head for one in at.agent.state.latest] == [here.asked().head]
            assert len(here.pull.reviews) == 1


async def test_an_old_delivery_that_comes_late_ends_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        old = here.hosted.shown(here.pull) | {"updated_at": "2026-01-01T00:00:00Z"}
        here.push({"notes.md": "# Notes\n"})
        await at.deliver("synchronize", delivery="d-2")
        late = {"action": "opened", "repository": {"full_name": NAME}, "pull_request": old}
        answer = await at.send("pull_request", late, delivery="d-1")
        assert answer.text == "nothing to do: a later head is known"
        await at.reviews(1)
        assert at.agent.state.latest[0].told == 2


async def test_a_closed_pull_request_ends_its_review(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        stalled = Stalled()
        async with desk(here, stalled) as at:
            run = (await at.deliver("opened", delivery="d-1")).text
            await stalled.asked.wait()
            here.pull.state = "closed"
            await at.deliver("closed", delivery="d-2")
            assert (await at.agent.workflows.status(run)).status == "terminated"


async def test_what_no_delivery_told_is_found_by_the_clock(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        await at.clock.sleep(16 * 60)
        await at.posts(1)
        here.push({"more.py": "import pickle\n\n\nprint(pickle.loads(input().encode()))\n"})
        await at.clock.sleep(16 * 60)
        await at.reviews(2)
        assert here.lines() == ["shop.py:5", "shop.py:6", "more.py:4"]
        await at.clock.sleep(3600)
        assert at.agent.state.reviews == 2


async def test_looking_through_waits_for_the_end_of_a_limit(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [Fault(403, "GET", "/pulls", {"retry-after": "1800"}, "secondary rate limit")]
        async with desk(here) as at:
            await at.clock.sleep(16 * 60)
            assert here.github.count("GET", "/pulls") == 1
            await at.clock.sleep(1800)
            await at.reviews(1)


async def test_it_shows_what_reviews_cost(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here, Stalled(ready=True)) as at:
        await at.deliver("opened", delivery="d-1")
        await at.reviews(1)
        first = at.agent.state
        assert first.latest[0].spent == first.spent
        assert (first.spent.requests, first.spent.input_tokens, first.spent.cost) == (1, 100, 0.25)
        here.push({"more.py": "print(1)\n"})
        await at.deliver("synchronize", delivery="d-2")
        await at.reviews(2)
        assert at.agent.state.spent.cost == 0.25 + at.agent.state.latest[0].spent.cost
        assert first.latest[0] in at.agent.state.latest


async def test_what_is_dismissed_is_not_told_again_even_after_a_restart(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with desk(here, post=False) as at:
            await at.deliver("opened", delivery="d-1")
            await at.reviews(1)
            outcome = (await at.agent.workflows.status(review_id(NAME, 1, here.asked().head))).output
            shell, _ = outcome.report.findings
            wishes = {
                "action": "dismiss",
                "fingerprints": [shell.short],
                "who": "ann",
                "sent_at": at.clock.now(),
            }
            answer = await at.send("perdure_dismissals", wishes, delivery="d-2")
            assert [one["fingerprint"] for one in answer.json()] == [shell.short]
            old = {**wishes, "action": "restore", "sent_at": at.clock.now() - 301}
            assert (await at.send("perdure_dismissals", old, delivery="d-3")).status_code == 400
            assert at.agent.state.dismissed == 1
        here.push({"notes.md": "# Notes\n"})
        async with desk(here) as at:
            await at.deliver("synchronize", delivery="d-4")
            await at.reviews(2)
            assert here.lines() == ["shop.py:6"]
            await at.agent.restore([shell.fingerprint])
            assert await at.agent.dismissals() == []
            here.push({"notes.md": "# New notes\n"})
            await at.deliver("synchronize", delivery="d-5")
            await at.reviews(3)
            assert here.lines() == ["shop.py:6", "shop.py:5"]


@pytest.mark.parametrize(("association", "number"), [("MEMBER", 1), ("CONTRIBUTOR", 0)])
async def test_an_answer_of_somebody_who_may_write_dismisses(
    tmp_path: Path, association: str, number: int
) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        await at.deliver("opened", delivery="d-1")
        await at.reviews(1)
        reply = here.hosted.reply(here.pull, here.pull.comments[0], "ann", "/dismiss", association)
        content = {
            "action": "created",
            "repository": {"full_name": NAME},
            "comment": here.hosted.shown_comment(here.pull, reply),
        }
        await at.send("pull_request_review_comment", content, delivery="d-2")
        if number:
            await until(lambda: at.agent.state.dismissed == number)
        assert at.agent.state.dismissed == number


async def test_a_review_that_failed_is_shown_and_begun_anew_when_asked(tmp_path: Path) -> None:
    async with place(tmp_path) as here, desk(here) as at:
        here.github.faults = [Fault(404, "GET", "/pulls/1", message="Not Found")]
        await at.deliver("opened", delivery="d-1")
        await at.reviews(1)
        assert "404" in at.agent.state.latest[0].note
        await at.agent.review(1)
        await at.posts(1)
        await until(lambda: at.agent.state.latest[0].told == 2)
        assert at.agent.state.reviews == 1


class Stalled:
    """A model that answers once it is `ready`, for 100 tokens and a quarter of a dollar."""

    model = "stalled"

    def __init__(self, *, ready: bool = False) -> None:
        self.ready = ready
        self.asked = asyncio.Event()

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        self.asked.set()
        if not self.ready:
            await asyncio.Event().wait()
        answer = await ScriptedReviewer().complete(request, ctx)
        spent = Spent(requests=1, input_tokens=100, output_tokens=10, cost=0.25)
        return answer.model_copy(update={"spent": spent})
