"""Many workflows on one key: none is lost, none overtakes, and the server never sees more than it allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from integrations.llm import LLM, Limit, NamedPayer, Patience, Request
from integrations.llm.request import messages_of
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from integrations.llm.usage import Usage
from workflows import Engine, Store, WorkflowEntrypoint, WorkflowEvent, WorkflowInstance, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

SIXTY = Limit(requests_per_minute=60)


class Asks(WorkflowEntrypoint[LLM, str]):
    """Asks one question, which says who asks."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        return (await self.env.complete(step, "ask", event.payload)).text


class Number(BaseModel):
    """What a structured question wants."""

    number: int


class Structured(WorkflowEntrypoint[LLM, str]):
    """Asks a question of which the first answer is wrong."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        completion = await self.env.complete(step, "ask", event.payload, response_format=Number)
        assert completion.parsed is not None
        return completion.parsed.number


@dataclass
class Seen:
    """What arrives at the server, by its own watch."""

    clock: VirtualClock
    answer: Callable[[Asked], Scripted | str] = lambda asked: "yes"
    arrivals: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Scripted | str:
        self.arrivals.append((self.clock.now(), asked.said))
        return self.answer(asked)

    @property
    def most(self) -> int:
        """In any 60 seconds."""
        times = [at for at, _ in self.arrivals]
        return max(sum(begin <= at < begin + 60 for at in times) for begin in times)

    @property
    def who(self) -> list[str]:
        return [who for _, who in self.arrivals]


@asynccontextmanager
async def engine(
    path: Path, url: str, clock: VirtualClock, limit: Limit, **options: Any
) -> AsyncIterator[Engine]:
    patience = Patience(limit=3, first=5, jitter=0)
    async with (
        LLM("m", base_url=url, limit=limit, patience=patience, timeout=5) as llm,
        Engine(path, [Asks, Structured], env=llm, clock=clock, **options) as opened,
    ):
        yield opened


async def asking(opened: Engine, number: int) -> WorkflowInstance:
    """An instance that has asked, or waits for its turn."""
    instance = await opened.workflow(Asks).create(id=str(number), params=str(number))
    await opened.clock.sleep(0.001)
    return instance


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def test_two_hundred_workflows_pass_a_limit_of_sixty_in_the_order_of_asking(path: Path) -> None:
    clock = VirtualClock()
    seen, begun = Seen(clock), clock.now()
    async with ScriptedModel(seen) as model, engine(path, model.url, clock, SIXTY) as opened:
        created = [await asking(opened, number) for number in range(200)]
        assert [await one.result() for one in created] == ["yes"] * 200
        statuses = [await one.status() for one in created]
    assert seen.most == 60
    assert seen.who == [str(number) for number in range(200)]
    assert clock.now() - begun == pytest.approx(60 + 139, abs=2)  # no slower than the limit says
    assert max(status.usage.attempts for status in statuses) == 2  # each has waited once at most
    late = [at for at, _ in seen.arrivals[60:]]
    assert min(after - before for before, after in pairwise(late)) > 0.9  # no herd


async def test_restarts_in_between_lose_nobody_and_give_nobody_more(path: Path) -> None:
    clock = VirtualClock()
    seen = Seen(clock)
    async with ScriptedModel(seen) as model:
        async with engine(path, model.url, clock, SIXTY) as opened:
            for number in range(150):
                await asking(opened, number)
            await clock.sleep(70)
        for pause in (0.0, 10.0, 500.0):
            await clock.sleep(pause)
            async with engine(path, model.url, clock, SIXTY, park="always") as opened:
                await clock.sleep(15)
        async with engine(path, model.url, clock, SIXTY) as opened:
            results = [await opened.workflow(Asks).get(str(number)).result() for number in range(150)]
    assert results == ["yes"] * 150
    assert sorted(map(int, seen.who)) == list(range(150))
    assert seen.most <= 60
    assert seen.who[:90] == [str(number) for number in range(90)]


async def test_a_429_with_a_time_holds_up_all_who_share_the_key(path: Path) -> None:
    clock = VirtualClock()

    def answer(asked: Asked) -> Scripted:
        if len(seen.arrivals) == 3:
            return ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "300"})
        return Reply("yes")

    seen, begun = Seen(clock, answer), clock.now()
    async with (
        ScriptedModel(seen) as model,
        engine(path, model.url, clock, Limit(requests_per_minute=4)) as opened,
    ):
        created = []
        for number in range(8):
            created.append(await asking(opened, number))
            await clock.sleep(1)
        assert [await one.result() for one in created] == ["yes"] * 8
    assert [round(at - begun) for at, _ in seen.arrivals[:4]] == [0, 1, 2, 302]
    assert seen.who == ["0", "1", "2", "2", "3", "4", "5", "6", "7"]  # who was refused comes first
    assert seen.most <= 4


async def test_tokens_per_minute_are_kept_free_before_and_corrected_after(path: Path) -> None:
    clock = VirtualClock()
    used = lambda asked: Reply("yes", usage=Usage(input=10, output=20))  # noqa: E731
    seen, begun = Seen(clock, used), clock.now()
    async with (
        ScriptedModel(seen) as model,
        engine(path, model.url, clock, Limit(tokens_per_minute=300, answer_tokens=50)) as opened,
    ):
        created = [await asking(opened, number) for number in range(30)]
        for one in created:
            await one.result()
        rows = await opened.store.read("SELECT sum(tokens) FROM llm_sent WHERE at > ?", (clock.now() - 60,))
    assert seen.most <= 10  # 30 tokens each, of about 60 that are kept free
    assert 120 < clock.now() - begun < 260  # where nothing is corrected, 390
    assert seen.who == [str(number) for number in range(30)]
    assert rows[0][0] <= 300


async def test_who_waits_long_comes_earlier_when_answers_are_short(path: Path) -> None:
    clock = VirtualClock()
    limit = Limit(tokens_per_minute=1_000, answer_tokens=950)
    seen, begun = Seen(clock), clock.now()
    async with ScriptedModel(seen) as model, engine(path, model.url, clock, limit) as opened:
        batch = await opened.workflow(Asks).create_batch([{"params": str(number)} for number in range(9)])
        for one in batch.created:
            await one.result()
    assert clock.now() - begun < 300  # 480 where each waits for the turn that it got at first


async def test_a_correction_is_limited_too_and_keeps_what_was_paid_before_it(path: Path) -> None:
    clock = VirtualClock()
    seen = Seen(clock, lambda asked: '{"number": 1}' if len(asked.body["messages"]) > 1 else "no")
    async with (
        ScriptedModel(seen) as model,
        engine(path, model.url, clock, Limit(requests_per_minute=1)) as opened,
    ):
        created = [await opened.workflow(Structured).create(params=str(number)) for number in range(3)]
        assert [await one.result() for one in created] == [1, 1, 1]
    assert len(seen.arrivals) == 6
    assert seen.most == 1


async def test_limits_of_other_keys_and_names_are_apart(path: Path) -> None:
    clock = VirtualClock()
    question = Request(model="m", messages=messages_of("?"))
    async with ScriptedModel(lambda asked: "yes") as model, await Store.open(path, clock=clock) as store:
        once = Limit(requests_per_minute=1)
        for options in (
            {"api_key": "a", "limit": once},
            {"api_key": "b", "limit": once},
            {"api_key": "a", "limit": Limit(requests_per_minute=1, name="other")},
        ):
            async with LLM("m", base_url=model.url, **options) as llm:  # type: ignore[arg-type]  # one dict of both
                begun = clock.now()
                await llm.attempt(question, payer=NamedPayer(store, "p"))
                assert clock.now() == begun
                await llm.attempt(question, payer=NamedPayer(store, "p"))
                assert clock.now() - begun >= 60
        names = await store.read("SELECT DISTINCT name FROM llm_sent")
    assert not any(name == "a" or "api" in name for (name,) in names)


async def test_who_waits_can_be_terminated_and_nobody_waits_for_it(path: Path) -> None:
    clock = VirtualClock()
    seen = Seen(clock)
    async with (
        ScriptedModel(seen) as model,
        engine(path, model.url, clock, Limit(requests_per_minute=2)) as opened,
    ):
        created = [await asking(opened, number) for number in range(6)]
        await clock.sleep(1)
        assert (await created[2].status()).status == "waiting"
        await created[2].terminate()
        left = [one for one in created if one is not created[2]]
        assert await asyncio.gather(*(one.result() for one in left)) == ["yes"] * 5
    assert seen.who == ["0", "1", "3", "4", "5"]
