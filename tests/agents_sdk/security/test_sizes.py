"""SEC-10: what an agent and its workflows keep, at the limit of a value and one byte above."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, callable  # noqa: A004  # the original's name
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowFailed, WorkflowStep

pytestmark = pytest.mark.anyio
MIB = 1 << 20


class Text(WorkflowEntrypoint[Any, Any]):
    """A step whose result is a text of so many characters."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        return len(await step.do("text", lambda: "x" * event.payload))


class Keeper(Agent[Any, dict[str, str]]):
    initial_state = {"a": ""}

    @callable()
    async def state_of(self, size: int) -> None:
        await self.set_state({"a": "x" * size})

    @callable()
    async def schedule_of(self, size: int) -> None:
        await self.schedule(3_600, "later", "x" * size)

    @callable()
    async def item_of(self, size: int) -> None:
        await self.queue("later", "x" * size)

    async def later(self, payload: Any) -> None: ...


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with (
        served(AgentsApp([Keeper], data=tmp_path)) as address,
        connect(f"ws://{address}/agents/keeper/a", max_size=None) as socket,
    ):
        one = Client(socket)
        await one.next(3)
        yield one


@pytest.mark.parametrize(
    ("method", "around"),
    [
        ("state_of", '{"a":""}'),
        ("schedule_of", '{"payload":"","delay":3600.0}'),
        ("item_of", '""'),
    ],
)
async def test_sec_10_what_an_agent_keeps(client: Client, method: str, around: str) -> None:
    most = MIB - len(around)
    too_much = await client.call(method, most + 1)
    assert not too_much["success"]
    assert f"it takes {MIB + 1} bytes and the limit is {MIB}" in too_much["error"]
    socket = client.socket
    await client.ask(method, most)
    while '"success":true' not in (said := str(await socket.recv())):
        assert '"success":false' not in said


async def test_sec_10_the_result_of_a_step(tmp_path: Path) -> None:
    most = MIB - len('""')
    async with AgentsApp([Keeper], [Text], data=tmp_path) as app:
        binding = (await app.get_agent(Keeper, "a")).workflow(Text)
        assert await (await binding.create(id="at", params=most)).result() == most
        above = await binding.create(id="above", params=most + 1)
        with pytest.raises(WorkflowFailed, match="is not serialisable"):
            await above.result()
