"""SEC-11: what one principal may have made by the code of agents: schedules, instances, sub-agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from websockets.asyncio.client import connect

from agents_sdk import (
    Agent,
    AgentsApp,
    AgentWorkflow,
    AgentWorkflowStep,
    TooMany,
    callable,  # noqa: A004  # the original's name
    current_agent,
)
from agents_sdk.security import Limits, Principal
from tests.agents_sdk.security.calls import call
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
ANN, BOB = {"who": "ann"}, {"who": "bob"}


class Waits(WorkflowEntrypoint[Any, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
        await step.wait_for_event("go", "go")


class Reminds(AgentWorkflow[Any, Any]):
    """For whom its agent's code runs, and what that makes."""

    async def run(self, event: WorkflowEvent[Any], step: AgentWorkflowStep) -> None:
        await self.agent.remind(2)
        await self.agent.hear("workflow")


class Note(Agent[Any, None]):
    async def on_start(self) -> None:
        await self.schedule_every(3_600, "ring")

    async def hold(self, seconds: float) -> int:
        return (await self.schedule(seconds, "ring")).id

    async def ring(self) -> None: ...


class Desk(Agent[Any, None]):
    async def on_start(self) -> None:
        await self.schedule_every(3_600, "ring", idempotent=True)

    async def on_request(self, request: Request) -> Response:
        await self.schedule(60, "ring")
        return PlainTextResponse("made")

    @callable()
    async def remind(self, count: int, every: float = 0) -> list[int]:
        if every:
            return [(await self.schedule_every(every, "ring")).id for _ in range(count)]
        return [(await self.schedule(60 + number, "ring")).id for number in range(count)]

    @callable()
    async def forget(self, id: int) -> bool:
        return await self.cancel_schedule(id)

    @callable()
    async def through_another(self) -> int:
        return await (await self.get_agent(Note, "ours")).hold(60)

    @callable()
    async def spawn_later(self) -> None:
        async def late() -> None:
            try:
                await self.schedule(60, "ring")
            except TooMany:
                self.env["late"].set()

        self.spawn(late())

    @callable()
    async def run(self, id: str, how: str = "") -> None:
        binding = self.workflow(Waits)
        match how:
            case "binding":
                await binding.create(id=id, exist_ok=True)
            case "batch":
                await binding.create_batch([{"id": f"{id}-{number}"} for number in range(3)])
            case _:
                await self.run_workflow(Waits, {}, id=id)

    @callable()
    async def go(self, id: str) -> None:
        instance = self.workflow(Waits).get(id)
        await instance.send_event("go")
        await instance.result()

    @callable()
    async def child(self, name: str) -> None:
        await self.sub_agent(Note, name)

    @callable()
    async def other(self, name: str) -> None:
        await self.get_agent(Note, name)

    @callable()
    async def put_off(self) -> None:
        await self.queue("hear", "queue")
        await self.schedule(1, "hear", "schedule")
        await self.run_workflow(Reminds, {})

    async def hear(self, where: str) -> None:
        await self.schedule(3_600, "ring")
        principal = current_agent().principal
        self.env["heard"].put_nowait((where, principal))

    @callable()
    async def who(self) -> str | None:
        principal = current_agent().principal
        return None if principal is None else principal.id

    async def ring(self) -> None: ...


async def named(request: HTTPConnection, agent: str, name: str) -> Principal | None:
    who = request.headers.get("who")
    return Principal(who) if who else None


def app_with(folder: Path, limits: Limits, **options: Any) -> AgentsApp:
    return AgentsApp(
        [Desk, Note],
        [Waits, Reminds],
        data=folder,
        env={"late": asyncio.Event(), "heard": asyncio.Queue()},
        limits=limits,
        on_before_connect=named,
        on_before_request=named,
        **options,
    )


@asynccontextmanager
async def clients(app: AgentsApp, *headers: dict[str, str]) -> AsyncIterator[list[Client]]:
    """One client of the desk "a" for each of these."""
    async with served(app) as address, AsyncExitStack() as open_ones:
        found = []
        for each in headers:
            url = f"ws://{address}/agents/desk/a"
            socket = await open_ones.enter_async_context(connect(url, additional_headers=each))
            found.append(Client(socket))
            await found[-1].next(2)
        yield found


def refusal(kind: str, most: int) -> dict[str, Any]:
    error = f"there are {most} {kind} already, and may be no more: Limits({kind}=…) says so"
    return {"success": False, "error": error}


async def test_sec_11_schedules_of_one_principal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(schedules=3)
    async with clients(app_with(tmp_path, limits), ANN) as [ann]:
        ids = (await ann.call("remind", 3))["result"]
    app = app_with(tmp_path, limits)
    async with clients(app, ANN, BOB, {}) as [ann, bob, unnamed]:  # it is kept
        assert await ann.call("remind", 1) == refusal("schedules", 3)
        assert await ann.call("through_another") == refusal("schedules", 3)
        assert (await call(app, "/agents/desk/a", ANN)).status == 429
        assert (await bob.call("remind", 3))["success"]
        assert (await unnamed.call("remind", 5))["success"]
        desk = await app.get_agent(Desk, "a")
        assert len(await desk.get_schedules()) == 3 + 3 + 5 + 1  # that of `on_start` is nobody's
        assert (await desk.remind(5))[0]  # the program itself
        assert (await ann.call("forget", ids[0]))["result"]
        assert (await ann.call("through_another"))["success"]
        assert await ann.call("remind", 1) == refusal("schedules", 3)
    assert "principal 'ann': there are 3 schedules already" in caplog.text


async def test_sec_11_what_an_agent_does_at_its_start_is_nobodys(tmp_path: Path) -> None:
    async with clients(app_with(tmp_path, Limits(schedules=1)), ANN) as [ann]:
        assert (await ann.call("through_another"))["success"]
        assert await ann.call("through_another") == refusal("schedules", 1)


async def test_sec_11_what_is_put_off_is_nobodys(tmp_path: Path) -> None:
    app = app_with(tmp_path, Limits(schedules=1, instances=1))
    async with clients(app, ANN) as [ann]:
        assert (await ann.call("put_off"))["success"]  # its one schedule, and its one instance
        heard = [await asyncio.wait_for(app._env["heard"].get(), 10) for _ in range(3)]
        assert sorted(heard) == [("queue", None), ("schedule", None), ("workflow", None)]


async def test_sec_11_a_schedule_that_exists_needs_no_room(tmp_path: Path) -> None:
    async with clients(app_with(tmp_path, Limits(schedules=1)), ANN) as [ann]:
        [first, *others] = (await ann.call("remind", 3, 60))["result"]
        assert others == [first, first]


async def test_sec_11_schedules_that_are_over_count_no_more(tmp_path: Path) -> None:
    clock = VirtualClock()
    app = app_with(tmp_path, Limits(schedules=2), clock=clock)
    async with clients(app, ANN) as [ann]:
        assert (await ann.call("remind", 2))["success"]
        await clock.sleep(120)
        assert (await ann.call("remind", 2))["success"]
        assert await ann.call("remind", 1) == refusal("schedules", 2)


async def test_sec_11_what_a_call_has_set_going_is_its_callers(tmp_path: Path) -> None:
    app = app_with(tmp_path, Limits(schedules=1))
    async with clients(app, ANN) as [ann]:
        assert (await ann.call("remind", 1))["success"]
        assert (await ann.call("spawn_later"))["success"]
        await asyncio.wait_for(app._env["late"].wait(), 5)
        assert (await ann.call("who"))["result"] == "ann"


@pytest.mark.parametrize("how", ["", "binding"])
@pytest.mark.parametrize("in_memory", [False, True])
async def test_sec_11_instances_of_one_principal(tmp_path: Path, how: str, in_memory: bool) -> None:
    clock = VirtualClock()
    engine = Engine(":memory:" if in_memory else tmp_path / "e.db", [Waits], clock=clock)
    app = AgentsApp(
        [Desk, Note],
        engine=engine,
        limits=Limits(instances=2),
        on_before_connect=named,
        on_before_request=named,
    )
    async with clients(app, ANN, BOB, {}) as [ann, bob, unnamed]:
        with clock.busy():
            for id in ("a", "b"):
                assert (await ann.call("run", id, how))["success"]
            assert await ann.call("run", "c", how) == refusal("instances", 2)
            assert (await bob.call("run", "c", how))["success"]
            for id in ("d", "e", "f"):
                assert (await unnamed.call("run", id, how))["success"]
            assert (await bob.call("go", "a"))["success"]
            assert await ann.call("run", "g", how) == refusal("instances", 2)  # it was just looked
        await clock.sleep(11)
        assert (await ann.call("run", "g", how))["success"]
        assert await ann.call("run", "h", how) == refusal("instances", 2)
        page = await engine.workflow(Waits).list(status="waiting")
        assert sorted(one.id for one in page.instances) == ["b", "c", "d", "e", "f", "g"]


async def test_sec_11_a_batch_has_room_or_nothing_is_made(tmp_path: Path) -> None:
    async with clients(app_with(tmp_path, Limits(instances=5)), ANN) as [ann]:
        assert (await ann.call("run", "a", "batch"))["success"]
        assert await ann.call("run", "b", "batch") == refusal("instances", 5)
        for id in ("c", "d"):
            assert (await ann.call("run", id, "binding"))["success"]
        assert (await ann.call("run", "c", "binding"))["success"]  # there is that one
        assert await ann.call("run", "e", "binding") == refusal("instances", 5)


@pytest.mark.parametrize("spawns", ["child", "other"])
async def test_sec_11_agents_that_are_made_for_one_principal(tmp_path: Path, spawns: str) -> None:
    async with clients(app_with(tmp_path, Limits(agents=3)), ANN, BOB, {}) as [ann, bob, unnamed]:
        for name in ("x", "y", "x"):  # the desk is the first of three
            assert (await ann.call(spawns, name))["success"]
        assert await ann.call(spawns, "z") == refusal("agents", 3)
        assert (await bob.call(spawns, "z"))["success"]
        assert (await ann.call(spawns, "z"))["success"]
        for number in range(5):
            assert (await unnamed.call(spawns, f"free {number}"))["success"]
