"""All living agents of an app: one host for each (class, name)."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from agents_sdk.connection import Closing
from agents_sdk.definition import Definition
from agents_sdk.directory import ListedAgent
from agents_sdk.ending import wipe
from agents_sdk.errors import NotRunning, UnknownAgent
from agents_sdk.face import face_of
from agents_sdk.ground import Ground
from agents_sdk.hook import AgentMethod
from agents_sdk.host import Host, StartFailed
from agents_sdk.schedule import schedule_of
from agents_sdk.waking import Waking
from workflows import Finished, Timer

__all__ = ["Hosts", "checked"]

_log = logging.getLogger(__name__)

_DESTROYED = Closing(1001, "Durable Object destroyed")
_GRACE = 10.0  # seconds for what is under way when an agent is destroyed


class Hosts:
    """Finds the host of an agent, and wakes agents whose schedules are due."""

    def __init__(self, known: Mapping[str, Definition]) -> None:
        self._known = known
        self._hosts: dict[tuple[str, str], Host] = {}
        self._ground: Ground | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._waking: Waking | None = None

    def open(self, ground: Ground) -> None:
        """From now on agents can live; those whose end was interrupted come to it, those owed work live."""
        self._ground = ground
        self._waking = Waking(ground.directory, ground.clock, self._wake)
        self._waking.open()
        self._end(self._wipe_condemned(ground))

    def get(self, definition: Definition, name: str) -> Host:
        """The one host of this agent. Nothing is made before something happens to it."""
        ground = self._standing()
        key = (definition.name, name)
        if key not in self._hosts:
            self._hosts[key] = Host(
                definition, name, ground, reach=self, gone=self._gone, unstarted=self._unstarted
            )
        return self._hosts[key]

    async def get_agent(self, cls: type[Any], name: str) -> Any:
        """See `Agent.get_agent`."""
        host = self.get(self.definition(cls), checked(name))
        try:
            async with host.event():
                return face_of(host)
        except StartFailed as failed:
            raise failed.error from None

    async def list_agents(
        self, cls: type[Any], *, after: str = "", limit: int = 100
    ) -> Sequence[ListedAgent]:
        """See `Agent.list_agents`."""
        return await self._standing().directory.list(self.definition(cls).name, after=after, limit=limit)

    async def destroy(self, id: int) -> None:
        """See `Agent.destroy`; one that is being destroyed already is left to that."""
        ground = self._standing()
        host = next((one for one in self._hosts.values() if one.id == id), None)
        if host is None:
            return
        await ground.directory.condemn(id)
        if self._hosts.get((host.definition.name, host.name)) is host:
            self._gone(host)
            self._end(self._wipe(ground, host, id))

    async def fire(self, timer: Timer) -> None:
        """Calls the method of a due timer; raises what it raises, so that it is called again."""
        host = await self._numbered(int(timer.owner), "a schedule")
        if host is None:  # it is being destroyed, and what is due goes with it
            return
        # It may be cancelled while its agent starts.
        wanted = functools.partial(self._standing().timers.wanted, timer.id)
        await _call(host, timer.method, lambda: _scheduled(timer), wanted=wanted)

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
        if self._waking is not None:
            await self._waking.close()
        await asyncio.gather(*(host.stop(closing, grace) for host in self._hosts.values()), *self._endings)
        self._hosts.clear()

    def _standing(self) -> Ground:
        if self._ground is None:
            raise NotRunning("the app is not started, or is stopping")
        return self._ground

    async def _numbered(self, id: int, what: str) -> Host | None:
        """The host of the agent with this number, for which something is due; None: it is destroyed."""
        address = await self._standing().directory.address(id)
        if address is None:
            return None
        if address[0] not in self._known:
            whose = f'{address[0]} "{address[1]}"'
            raise UnknownAgent(f"{what} of {whose} is due, and this app was not given its class")
        return self.get(self._known[address[0]], address[1])

    async def _wake(self, id: int) -> None:
        host = await self._numbered(id, "work")
        if host is not None:
            async with host.event():
                pass

    def _unstarted(self, id: int) -> None:
        if self._waking is not None and self._ground is not None:
            self._waking.again(id)

    def definition(self, cls: type[Any]) -> Definition:
        """What is known of a class; raises `UnknownAgent` when the app was not given it."""
        found = next((one for one in self._known.values() if one.cls is cls), None)
        if found is None:
            known = ", ".join(self._known) or "none"
            raise UnknownAgent(f"this app was not given {cls.__name__}, it has {known}: add it to agents=")
        return found

    def _gone(self, host: Host) -> None:
        key = (host.definition.name, host.name)
        if self._hosts.get(key) is host:  # else another one has taken the name of one that was destroyed
            del self._hosts[key]

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        ending = asyncio.create_task(work)
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _wipe(self, ground: Ground, host: Host, id: int) -> None:
        try:
            await host.stop(_DESTROYED, _GRACE)
            await wipe(ground, id)
        except Exception:  # noqa: BLE001  # nobody waits for it, and the mark stays
            _log.exception("%s is not wholly deleted, which is tried again at the next start", host)

    async def _wipe_condemned(self, ground: Ground) -> None:
        try:
            for id in await ground.directory.condemned():
                await wipe(ground, id)
        except Exception:  # noqa: BLE001  # nobody waits for it, and the mark stays
            _log.exception("a destroyed agent is not wholly deleted, which is tried again at the next start")


def _scheduled(timer: Timer) -> tuple[object, ...]:
    schedule = schedule_of(timer)
    return schedule.payload, schedule


async def _call(
    host: Host,
    name: str,
    arguments: Callable[[], tuple[object, ...]],
    *,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Calls a method that something durable is due for, with as many of its arguments as it takes."""
    try:
        async with host.event() as agent:
            if not wanted():
                return
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


def checked(name: object) -> str:
    """A name of an agent."""
    if not isinstance(name, str):  # 7 and "7" would be two objects of one agent
        raise TypeError(f"the name of an agent is a str, not {name!r}: give str(…)")
    return name
