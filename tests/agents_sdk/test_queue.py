"""The queue of an agent: in order, one at a time, tried again, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidItem, QueueItem, UnknownMethod, current_agent
from workflows import Engine, NonRetryableError, Statement, Store, TryAgain
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

HOUR = 3_600
LONG = 30  # seconds, ten times the longest delay that a queue has of its own


class Line(Agent[None, list[Any]]):
    initial_state: list[Any] = []

    async def on_start(self) -> None:
        self.errors: list[str] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()

    async def on_error(self, error: Exception) -> None:
        self.errors.append(str(error))

    async def note(self, payload: Any) -> None:
        await self.set_state([*self.state, payload])

    def bare(self) -> None:
        self.began.set()

    async def slow(self, payload: Any) -> None:
        await self.note(f"{payload} begins")
        await self.ctx.clock.sleep(10)
        await self.note(f"{payload} ends")

    async def held(self, payload: Any) -> None:
        self.began.set()
        await self.go.wait()
        await self.note(payload)

    async def fails(self, payload: Any, item: QueueItem) -> None:
        await self.note(f"{payload} {item.attempt}")
        raise RuntimeError("always")

    async def hopeless(self, payload: Any) -> None:
        raise NonRetryableError("never")

    async def later(self, payload: Any, item: QueueItem) -> None:
        await self.note(self.ctx.clock.now())
        if item.attempt == 1:
            raise TryAgain("busy", after=HOUR)

    async def soon(self, payload: Any, item: QueueItem) -> None:
        await self.note(self.ctx.clock.now())
        if item.attempt == 1:
            raise TryAgain("busy", after=LONG)

    async def cancelled(self, payload: Any) -> None:
        raise asyncio.CancelledError

    async def leaves(self, payload: Any, item: QueueItem) -> None:
        await self.note(await self.dequeue(item.id))
        raise RuntimeError("after it has left")

    async def who(self, payload: Any) -> None:
        await self.note([current_agent().agent is self, current_agent().connection is None])

    async def enough(self, calls: int) -> Any:
        while len(self.state) < calls:
            await self.ctx.clock.sleep(0.01)
        return self.state


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def app(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        yield app


@pytest.fixture
async def line(app: AgentsApp) -> Line:
    return await app.get_agent(Line, "a")


async def test_one_after_the_other_in_order(line: Line) -> None:
    ids = [await line.queue("slow", name) for name in "ab"] + [await line.queue(line.note, "c")]
    assert len(set(ids)) == 3
    assert await line.enough(5) == ["a begins", "a ends", "b begins", "b ends", "c"]
    await line.queue("bare")
    await line.began.wait()


async def test_the_caller_does_not_wait_and_queued_items_can_be_seen(line: Line, clock: VirtualClock) -> None:
    first = await line.queue("held", {"n": 1})
    second = await line.queue("note", {"n": 2, "x": None})
    await line.queue("note", [3])
    await line.began.wait()
    item = await line.queued.get(first)
    assert item is not None
    assert (item.id, item.callback, item.payload, item.attempt, item.dead) == (
        first,
        "held",
        {"n": 1},
        0,
        False,
    )
    assert item.created.timestamp() == clock.now()
    assert [one.payload for one in await line.queued.list()] == [{"n": 1}, {"n": 2, "x": None}, [3]]
    assert [one.id for one in await line.queued.list("n", 2)] == [second]
    assert [one.id for one in await line.queued.list("x", None)] == [second]
    assert await line.queued.list("n", True) == []
    assert await line.queued.get("nope") is None
    line.go.set()
    await line.enough(3)
    await clock.sleep(1)
    assert await line.queued.list() == []


async def test_an_id_gives_its_place_to_the_next_with_it(line: Line) -> None:
    await line.queue("held", 0)
    await line.began.wait()
    assert await line.queue("note", "old", id="k") == "k"
    await line.queue("note", "after")
    await line.queue("note", "new", id="k")
    line.go.set()
    assert await line.enough(3) == [0, "new", "after"]


async def test_what_replaces_the_item_that_is_being_called_is_called_after_it(line: Line) -> None:
    await line.queue("held", "old", id="k")
    await line.queue("note", "after")
    await line.began.wait()
    await line.queue("note", "new", id="k")
    line.go.set()
    assert await line.enough(3) == ["old", "new", "after"]


async def test_a_failing_item_is_tried_again_kept_as_dead_and_driven_again(
    line: Line, clock: VirtualClock
) -> None:
    id = await line.queue("fails", "x", attempts=2)
    await line.queue("note", "next")
    assert await line.enough(3) == ["x 1", "x 2", "next"]
    assert line.errors == ["always"]
    [dead] = await line.queued.list()
    assert (dead.id, dead.attempt, dead.last_error, dead.dead) == (id, 2, "RuntimeError: always", True)
    assert (await line.queued.list(dead=False), await line.queued.list(dead=True)) == ([], [dead])
    assert (await line.queued.redrive(id), await line.queued.redrive("nope")) == (True, False)
    assert (await line.enough(5))[3:] == ["x 1", "x 2"]
    await clock.sleep(1)
    await line.queue("note", "anew", id=id)  # a dead one gives its id to a new one
    assert (await line.enough(6))[5:] == ["anew"]
    await clock.sleep(1)
    assert await line.queued.list() == []


async def test_how_often_is_up_to_the_error(line: Line, clock: VirtualClock) -> None:
    await line.queue("hopeless")
    began = clock.now()
    await line.queue("soon")
    assert (await line.enough(2))[1] - began >= LONG
    assert line.errors == ["never"]
    [dead] = await line.queued.list()
    assert dead.attempt == 1


async def test_a_cancelled_callback_is_a_failed_one(line: Line) -> None:
    await line.queue("cancelled", attempts=1)
    await line.queue("note", "next")
    await line.enough(1)
    assert line.errors == ["the callback was cancelled: "]


async def test_what_was_taken_out_is_not_called(line: Line, clock: VirtualClock) -> None:
    held = await line.queue("held", "held")
    others = [await line.queue("note", n) for n in range(3)]
    await line.queue("who")
    await line.began.wait()
    assert (await line.dequeue(others[0]), await line.dequeue(others[0])) == (True, False)
    assert await line.dequeue(held) is False  # its call has begun
    assert await line.queued.dequeue_all_by_callback(line.note) == 2
    assert await line.queued.dequeue_all_by_callback("no more") == 0
    assert await line.queued.dequeue_all() == 1
    line.go.set()
    await clock.sleep(60)
    assert (line.state, await line.queued.list()) == (["held"], [])


async def test_what_a_cancelled_caller_has_queued_is_called(line: Line, clock: VirtualClock) -> None:
    queueing = asyncio.create_task(line.queue("note", 1))
    await asyncio.sleep(0)  # it is on its way to the file
    queueing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queueing
    await clock.sleep(60)
    assert line.state == [1]


async def test_an_item_that_leaves_is_not_tried_again(line: Line, clock: VirtualClock) -> None:
    await line.queue("leaves")
    await clock.sleep(60)
    assert (line.state, await line.queued.list()) == ([False], [])


async def test_code_that_is_called_runs_for_the_agent_alone(line: Line) -> None:
    await line.queue("who")
    assert await line.enough(1) == [[True, True]]


async def test_work_keeps_the_agent_alive_and_then_lets_it_go(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Line], data=tmp_path, clock=clock, idle_after=60) as app:
        line = await app.get_agent(Line, "a")
        await line.queue("later")
        living = line.began
        del line
        await clock.sleep(HOUR - 10)
        line = await app.get_agent(Line, "a")
        assert line.began is living
        del line
        await clock.sleep(HOUR)
        line = await app.get_agent(Line, "a")
        assert len(line.state) == 2
        assert line.began is not living


async def test_what_is_left_at_a_stop_is_done_at_the_next_start(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        line = await app.get_agent(Line, "a")
        await line.queue("slow", "a")
        await line.queue("later")
        await line.queue("note", "b")
        await clock.sleep(0.1)
    assert line.state == ["a begins", "a ends"]  # what has begun comes to its end
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        await clock.sleep(2 * HOUR)
        assert (await app.get_agent(Line, "a")).state[-1] == "b"


class Late(Agent[dict[str, Any], list[int]]):
    initial_state: list[int] = []

    async def on_start(self) -> None:
        self.env["starts"].append(self.name)
        if self.env["fails"]:
            raise RuntimeError("not yet")
        if self.name == "begins":
            await self.queue("note", 1)
            await self.ctx.clock.sleep(10)
            await self.note(0)

    async def on_error(self, error: Exception) -> None:
        pass

    async def note(self, n: int) -> None:
        await self.set_state([*self.state, n])
        if n == 2:
            await self.ctx.clock.sleep(5)
        if self.name == "fails":
            raise RuntimeError("always")


async def test_only_those_who_are_owed_work_are_woken(tmp_path: Path, clock: VirtualClock) -> None:
    env: dict[str, Any] = {"starts": [], "fails": False}
    async with AgentsApp([Late], data=tmp_path, clock=clock, env=env) as app:
        for name in ("idle", "fails"):
            await (await app.get_agent(Late, name)).queue("note", 1, attempts=1)
        await (await app.get_agent(Late, "owed")).queue("note", 2)
        await (await app.get_agent(Late, "owed")).queue("note", 3)
        await clock.sleep(1)
    env["starts"].clear()
    env["fails"] = True
    async with AgentsApp([Late], data=tmp_path, clock=clock, env=env) as app:
        await clock.sleep(1)
        assert env["starts"] == ["owed"]
        env["fails"] = False
        await clock.sleep(60)  # it is woken again, as it could not start
        assert env["starts"] == ["owed", "owed"]
        assert (await app.get_agent(Late, "owed")).state == [2, 3]
        [dead] = await (await app.get_agent(Late, "fails")).queued.list()
        assert dead.dead


async def test_nothing_is_called_before_on_start_has_ended(tmp_path: Path, clock: VirtualClock) -> None:
    env: dict[str, Any] = {"starts": [], "fails": False}
    async with AgentsApp([Late], data=tmp_path, clock=clock, env=env) as app:
        agent = await app.get_agent(Late, "begins")
        await clock.sleep(1)
        assert agent.state == [0, 1]


async def test_work_of_a_class_that_is_gone_waits(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        await (await app.get_agent(Line, "a")).queue("later")
        await clock.sleep(1)
    async with AgentsApp([Late], data=tmp_path, clock=clock):
        await clock.sleep(1)
    assert 'work of Line "a" is due, and this app was not given its class' in caplog.text
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        await clock.sleep(2 * HOUR)
        assert len((await app.get_agent(Line, "a")).state) == 2


async def test_what_cannot_be_written_down_is_waited_for_and_not_called_again(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Engine(tmp_path / "e.db", [], clock=clock) as engine,
        AgentsApp([Line], engine=engine) as app,
    ):
        refusal = "BEFORE DELETE ON main.agent_item BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        await engine.store.write(Statement(f"CREATE TEMP TRIGGER refuses {refusal}"))
        line = await app.get_agent(Line, "a")
        await line.queue("note", 1)
        await line.queue("note", 2)
        await clock.sleep(60)
        assert (line.state, "the queue of a Line waits for its file" in caplog.text) == ([1], True)
        await engine.store.write(Statement("DROP TRIGGER refuses"))
        await clock.sleep(60)
        assert (line.state, await line.queued.list()) == ([1, 2], [])


async def test_an_item_whose_method_is_gone_is_dead_at_once(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        await (await app.get_agent(Line, "a")).queue("later", attempts=9)
        await clock.sleep(1)
    renamed = type("Line", (Agent,), {})
    async with AgentsApp([renamed], data=tmp_path, clock=clock) as app:
        await clock.sleep(2 * HOUR)
        [item] = await (await app.get_agent(renamed, "a")).queued.list()
        gone = 'UnknownMethod: Line has no method "later" to call; it has no public methods'
        assert (item.dead, item.attempt, item.last_error) == (True, 2, gone)


async def test_a_destroyed_agent_has_no_queue(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        line = await app.get_agent(Line, "a")
        await line.queue("later")
        await clock.sleep(1)
        await line.destroy()
        assert await (await app.get_agent(Line, "a")).queued.list() == []
    async with await Store.open(tmp_path / "agents.db", clock=clock) as store:
        assert await store.read("SELECT id FROM agent_item") == []


async def test_an_item_that_is_cut_off_has_not_failed(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        line = await app.get_agent(Line, "a")
        await line.queue("held", 1, attempts=1)
        await line.began.wait()
    for _ in range(2):
        async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
            line = await app.get_agent(Line, "a")
            await line.began.wait()
            [item] = await line.queued.list()
            assert (item.attempt, item.dead) == (
                1,
                False,
            )  # the first call of a life is counted before it is made
    async with AgentsApp([Line], data=tmp_path, clock=clock) as app:
        line = await app.get_agent(Line, "a")
        await line.began.wait()
        await line.queue("slow", "next", id="next")
        line.go.set()
        assert await line.enough(2) == [1, "next begins"]
        counted = await line.queued.get("next")
        assert counted is not None
        assert counted.attempt == 0, "only the first call of a life is counted before it is made"


async def test_a_method_of_another_agent_is_refused(app: AgentsApp, line: Line) -> None:
    other = await app.get_agent(Line, "b")
    with pytest.raises(InvalidItem, match="give a name, or a bound method of itself"):
        await line.queue(other.note, 1)


@pytest.mark.parametrize(
    ("method", "payload", "options", "error", "why"),
    [
        ("nope", None, {}, UnknownMethod, 'Line has no method "nope" to call; it has bare'),
        ("set_state", None, {}, UnknownMethod, "set_state"),
        (Line.note, None, {}, InvalidItem, "give a name, or a bound method of itself"),
        ("bare", 1, {}, InvalidItem, "Line.bare takes no payload"),
        ("note", object(), {}, InvalidItem, 'payload for "note" cannot be kept'),
        ("note", 1, {"id": ""}, InvalidItem, "empty id"),
        ("note", 1, {"attempts": 0}, ValueError, "attempts 0 is too few"),
        ("note", 1, {"base_delay": 5}, ValueError, "do not fit"),
    ],
)
async def test_bad_items_are_refused_at_once(
    line: Line, method: Any, payload: Any, options: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why) as refused:
        await line.queue(method, payload, **options)
    assert "\n" not in str(refused.value)
    assert await line.queued.list() == []
