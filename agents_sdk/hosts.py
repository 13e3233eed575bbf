"""All living agents of an app: one host for each (class, name)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping

from agents_sdk.connection import Closing
from agents_sdk.definition import Definition
from agents_sdk.errors import NotRunning, UnknownAgent
from agents_sdk.ground import Ground
from agents_sdk.hook import AgentMethod
from agents_sdk.host import Host, StartFailed
from agents_sdk.schedule import schedule_of
from workflows import Finished, Timer

__all__ = ["Hosts"]


class Hosts:
    """Finds the host of an agent, and wakes agents whose schedules are due."""

    def __init__(self, known: Mapping[str, Definition]) -> None:
        self._known = known
        self._hosts: dict[tuple[str, str], Host] = {}
        self._ground: Ground | None = None

    def open(self, ground: Ground) -> None:
        """From now on agents can live."""
        self._ground = ground

    def get(self, definition: Definition, name: str) -> Host:
        """The one host of this agent. Nothing is made before something happens to it."""
        ground = self._standing()
        key = (definition.name, name)
        if key not in self._hosts:
            self._hosts[key] = Host(definition, name, ground, gone=self._gone)
        return self._hosts[key]

    async def fire(self, timer: Timer) -> None:
        """Calls the method of a due timer; raises what it raises, so that it is called again."""
        host = await self._owner(timer)
        await _call(host, timer.method, lambda: _scheduled(timer))

    async def deliver(self, hook: AgentMethod, finished: Finished) -> None:
        """Calls the method of a hook; raises what it raises, so that it is called again."""
        definition = self._known.get(hook.cls)
        if definition is None or hook.agent not in (hook.cls, definition.cls):
            raise UnknownAgent(f"{hook.name} is to be called, and this app was not given its class")
        name = hook.addressed(finished)
        if not isinstance(name, str):
            raise TypeError(f"the name of an agent is a str, not {name!r}: let the hook give str(…)")
        await _call(self.get(definition, name), hook.method, lambda: (finished,))

    async def close(self, closing: Closing, grace: float) -> None:
        """Stops every agent; no other begins to live."""
        self._ground = None
        await asyncio.gather(*(host.stop(closing, grace) for host in self._hosts.values()))
        self._hosts.clear()

    def _standing(self) -> Ground:
        if self._ground is None:
            raise NotRunning("the app is not started, or is stopping")
        return self._ground

    async def _owner(self, timer: Timer) -> Host:
        address = await self._standing().directory.address(int(timer.owner))
        if address is None or address[0] not in self._known:
            whose = "an unknown agent" if address is None else f'{address[0]} "{address[1]}"'
            raise UnknownAgent(f"a schedule of {whose} is due, and this app was not given its class")
        return self.get(self._known[address[0]], address[1])

    def _gone(self, host: Host) -> None:
        self._hosts.pop((host.definition.name, host.name), None)


def _scheduled(timer: Timer) -> tuple[object, ...]:
    schedule = schedule_of(timer)
    return schedule.payload, schedule


async def _call(host: Host, name: str, arguments: Callable[[], tuple[object, ...]]) -> None:
    """Calls a method that something durable is due for, with as many of its arguments as it takes."""
    try:
        async with host.event() as agent:
            try:
                given = arguments()
                method = host.definition.methods.named(name)
                result = method.call(agent, *given[: method.takes])
                if inspect.isawaitable(result):
                    await result
            except Exception as error:
                await host.report(error)
                raise
    except StartFailed as failed:
        raise failed.error from None
