"""A cancellation reaches what is under way, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.agents_sdk.served import served
from tests.contract.world import ONCE, Event, Step, World, ended
from tests.pitfalls.silent_server import SilentServer
from workflows import WorkflowInstance, driver

pytestmark = pytest.mark.anyio

Command = Callable[[World, WorkflowInstance], Awaitable[object]]

COMMANDS: dict[str, Command] = {
    "terminate": lambda _, instance: instance.terminate(),
    "restart": lambda _, instance: instance.restart(),
    "restart from a step": lambda _, instance: instance.restart(from_step="first"),
    "delete": lambda _, instance: instance.delete(),
    "replay": lambda world, _: world.engine.replay(),
    "close": lambda world, _: world.engine.close(),
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


def fetching(world: World, server: SilentServer, lines: list[str], **options: Any) -> Any:
    """A workflow that waits for the body of a request in a step."""

    async def fetch() -> str:
        async with httpx.AsyncClient() as client, client.stream("GET", server.url) as response:
            lines.append("the headers have come")
            with world.clock.waiting():
                body = await response.aread()
            lines.append("the body has come")
            return body.decode()

    async def run(event: Event, step: Step) -> Any:
        await step.do("first", lambda: None)
        return await step.do("fetch", fetch, **options)

    return run


async def asked(server: SilentServer, requests: int = 1) -> None:
    """Returns once the server has so many requests."""
    async with asyncio.timeout(20):
        while server.requests < requests:  # noqa: ASYNC110  # both sides run on this loop
            await asyncio.sleep(0)


@every_command
async def test_a_command_reaches_the_request_inside_the_callback(world: World, command: Command) -> None:
    lines: list[str] = []
    async with SilentServer.started() as server:
        async with world.started(fetching(world, server, lines, timeout="1 hour")) as instance:
            await asked(server)
            with world.clock.busy():  # else the time limit would come, as nothing else happens
                await command(world, instance)
                await server.gone()
        assert "the body has come" not in lines


async def test_a_time_limit_reaches_the_request_inside_the_callback(world: World) -> None:
    lines: list[str] = []
    async with SilentServer.started() as server:
        status = await world.run(fetching(world, server, lines, timeout=5, retries=ONCE))
        await server.gone()
    assert status.error is not None
    assert (status.error.name, lines) == ("WorkflowTimeoutError", ["the headers have come"])


async def test_a_timeout_of_asyncio_reaches_the_request_inside_the_callback(world: World) -> None:
    async with SilentServer.started() as server:

        async def run(event: Event, step: Step) -> str:
            fetch = asyncio.ensure_future(fetching(world, server, [])(event, step))
            await asked(server)
            fetch.cancel()
            await asyncio.gather(fetch, return_exceptions=True)
            return "went on"

        assert (await world.run(run)).output == "went on"
        await server.gone()


@every_command
async def test_no_line_of_a_callback_runs_after_its_await_was_cut_off(world: World, command: Command) -> None:
    began = asyncio.Event()
    lines: list[str] = []

    async def fetch() -> None:
        number = len(lines)
        lines.append("begun")
        began.set()
        try:
            await asyncio.Event().wait()
            lines[number] = "went on"
        finally:
            lines[number] += ", cleaned up"

    async def run(event: Event, step: Step) -> None:
        await step.do("first", lambda: None)
        await step.do("fetch", fetch)

    async with world.started(run) as instance:
        with world.clock.busy():
            await began.wait()
            await command(world, instance)
            assert lines[0] == "begun, cleaned up"


@pytest.mark.parametrize("command", ["terminate", "delete", "restart"])
async def test_a_thread_runs_on_and_what_it_returns_is_dropped(world: World, command: str) -> None:
    began, release, over = threading.Event(), threading.Event(), threading.Event()

    def work(ctx: Any) -> str:
        if began.is_set():
            return "of the second life"
        began.set()
        release.wait(20)
        over.set()
        return "of the first life"

    async def run(event: Event, step: Step) -> Any:
        return await step.do("work", work)

    async with world.started(run) as instance:
        await asyncio.to_thread(began.wait, 20)
        await getattr(instance, command)()
        release.set()
        assert await asyncio.to_thread(over.wait, 20)
        await world.later(100)
        if command == "restart":
            assert await instance.result() == "of the second life"
        elif command == "terminate":
            status = await instance.status()
            assert (status.status, status.output) == ("terminated", None)
            assert "step_completed" not in [event.type async for event in instance.subscribe()]


async def test_a_callback_that_ignores_its_cancellation_is_named_and_left(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_GRACE", 0.05)
    began, release, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> str:
        began.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        over.set()
        return "too late"

    async def run(event: Event, step: Step) -> Any:
        return await step.do("stubborn", stubborn)

    async with world.started(run) as instance:
        await began.wait()
        await instance.terminate()
        async with asyncio.timeout(20):
            while not caplog.messages:  # noqa: ASYNC110  # a log has no event
                await asyncio.sleep(0.01)
        assert f'Flow "i" ignores its cancellation at {__file__}' in caplog.text
        release.set()
        await over.wait()
        await world.later(1)
        status = await instance.status()
    assert (status.status, status.output) == ("terminated", None)


async def waiting(event: Event, step: Step) -> Any:
    """Sleeps, waits for an event and for a retry, all at once."""
    return await asyncio.gather(
        step.sleep("sleep", "30 days"),
        step.wait_for_event("wait", "never", timeout="30 days"),
        step.do("retry", lambda: 1 / 0, retries={"limit": 9, "delay": "30 days"}),
    )


@pytest.mark.parametrize("command", ["terminate", "delete", "close"])
async def test_a_cancelled_wait_leaves_no_timer_alive(world: World, command: str) -> None:
    """Pitfall 24: a cancelled sleep leaves its timer alive."""
    async with world.started(waiting) as instance:
        await world.later(1)
        assert world.clock._next_at() is not None
        await COMMANDS[command](world, instance)
        assert world.clock._next_at() is None


async def test_a_wait_that_was_cut_by_the_program_leaves_no_timer_alive(world: World) -> None:
    """Pitfall 24: a cancelled sleep leaves its timer alive."""

    async def run(event: Event, step: Step) -> str:
        waits = asyncio.ensure_future(waiting(event, step))
        await step.sleep("short", 5)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        return "went on"

    assert (await world.run(run)).output == "went on"
    assert world.clock._next_at() is None
    assert world.clock.now() < world.started_at + 100


async def nap(event: Event, step: Step) -> str:
    await step.do("before", lambda: "before")
    await step.sleep("z", 100)
    return await step.do("after", lambda: "done")


@pytest.mark.parametrize("observe", ["result", "subscribe", "status"])
async def test_an_observer_that_is_cancelled_disturbs_nobody(world: World, observe: str) -> None:
    """Pitfall 25: a client disconnect cancels `get_result` and hangs or kills the workflow."""

    async def observed(instance: WorkflowInstance) -> object:
        if observe == "subscribe":
            return [event async for event in instance.subscribe()]
        return await getattr(instance, observe)()

    async with world.started(nap) as instance:
        for turns in range(8):  # at each of its awaits
            observer = asyncio.ensure_future(observed(instance))
            for _ in range(turns):
                await asyncio.sleep(0)
            observer.cancel()
            await asyncio.gather(observer, return_exceptions=True)
        other = asyncio.ensure_future(instance.result())
        assert (await instance.result(), await other) == ("done", "done")
        assert (await ended(instance)).status == "complete"


@pytest.mark.parametrize("path", ["/result", "/events"])
async def test_a_client_that_hangs_up_disturbs_nobody(world: World, path: str) -> None:
    """Pitfall 25: a client disconnect cancels `get_result` and hangs or kills the workflow."""

    async def result(request: Request) -> Response:
        observer = asyncio.ensure_future(instance.result())  # as frameworks do that cancel their endpoints
        while not observer.done():
            if await request.is_disconnected():
                observer.cancel()
                hung_up.set()
            await asyncio.sleep(0)
        return JSONResponse(await observer)

    async def events(request: Request) -> Response:
        async def lines() -> AsyncIterator[str]:
            try:
                async for event in instance.subscribe():
                    yield f"{event.type}\n"
            finally:
                hung_up.set()

        return StreamingResponse(lines())

    hung_up = asyncio.Event()
    app = Starlette(routes=[Route("/result", result), Route("/events", events)])
    async with world.started(nap) as instance:
        with world.clock.busy():
            async with served(app, lifespan="off") as address, httpx.AsyncClient() as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(f"http://{address}{path}", timeout=0.2)
                async with asyncio.timeout(20):
                    await hung_up.wait()
        assert await instance.result() == "done"
        assert [event.type async for event in instance.subscribe()][-1] == "workflow_completed"
