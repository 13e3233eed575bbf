"""All living agents of an app: one host for each address."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any

from agents_sdk.address import Address
from agents_sdk.agent_method import AgentMethod
from agents_sdk.connection import Closing
from agents_sdk.definition import Definition
from agents_sdk.directory import ListedAgent
from agents_sdk.errors import NotRunning, UnknownAgent
from agents_sdk.ground import Ground
from agents_sdk.life.ending import wipe
from agents_sdk.life.face import face_of
from agents_sdk.life.host import Host, StartFailed
from agents_sdk.life.waking import Waking
from agents_sdk.reach import DESTROYED
from agents_sdk.schedule import schedule_of
from agents_sdk.security.log import audited
from agents_sdk.security.shares import refused
from workflows import Finished, Timer

__all__ = ["Hosts", "checked"]

_log = logging.getLogger(__name__)

_GRACE = 10.0  # seconds for what is under way when an agent is destroyed


class Hosts:
    """Finds the host of an agent, and wakes agents whose schedules are due."""

    def __init__(self, top: Mapping[str, Definition], below: Mapping[str, Definition]) -> None:
        """By the names of the classes: those that have agents of their own, and those of sub-agents."""
        self._top = top
        self._known = {**below, **top}
        self._hosts: dict[Address, Host] = {}
        self._ground: Ground | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._waking: Waking | None = None

    def open(self, ground: Ground) -> None:
        """From now on agents can live; those whose end was interrupted come to it, those owed work live."""
        self._ground = ground
        self._waking = Waking(ground.directory, ground.clock, self._wake)
        self._waking.open()
        self._end(self._wipe_condemned(ground))

    def get(self, address: Address) -> Host:
        """The one host of this agent, of a known class. Nothing is made before something happens to it."""
        ground = self._standing()
        if address not in self._hosts:
            definition = self._known[address.class_name]
            self._hosts[address] = Host(
                definition, address, ground, reach=self, gone=self._gone, unstarted=self._unstarted
            )
        return self._hosts[address]

    async def make(self, address: Address, principal: str, most: int) -> bool:
        """Whether there is this agent, now at the latest; false when the principal has made `most`."""
        ground = self._standing()
        host = self._hosts.get(address)
        if host is not None and host.id is not None:
            return True
        return await ground.directory.make(address, principal, most=most)

    async def get_agent(self, cls: type[Any], name: str) -> Any:
        """See `Agent.get_agent`."""
        return await self._found(Address.top(self.definition(cls).name, checked(name)))

    async def sub_agent(self, address: Address) -> Any:
        """See `Agent.sub_agent`."""
        checked(address.name)
        return await self._found(address)

    async def parent_agent(self, address: Address, cls: type[Any]) -> Any:
        """See `Agent.parent_agent`."""
        if not address.parent:
            raise UnknownAgent(f"{address} has no parent, it is an agent of its own: use get_agent")
        parent = address.path[-2]
        if self.class_name(cls) != parent.class_name:
            raise UnknownAgent(f"the parent of {address} is a {parent.class_name}, and no {cls.__name__}")
        host = await self.numbered(address.parent, "a call")
        if host is None:
            raise NotRunning(f"the parent of {address} was destroyed, and its sub-agents with it")
        return await _face(host)

    async def list_agents(
        self, cls: type[Any], *, after: str = "", limit: int = 100
    ) -> Sequence[ListedAgent]:
        """See `Agent.list_agents`."""
        return await self._standing().directory.list(self.definition(cls).name, after=after, limit=limit)

    async def destroy(self, id: int, closing: Closing = DESTROYED) -> bool:
        """See `Agent.destroy`; one that is being destroyed already is left to that."""
        ground = self._standing()
        address = await ground.directory.address(id)
        condemned = await ground.directory.condemn(id)
        if address is None or not condemned:
            return False
        audited("destroy", address)
        doomed = self._within(address)
        for host in doomed:
            host.doom()
            self._gone(host)
        self._end(self._wipe(ground, doomed, condemned, closing))
        return True

    def abort(self, address: Address, reason: str) -> bool:
        """See `Children.abort`."""
        return True in [host.abort(reason) for host in self._within(address)]

    async def fire(self, timer: Timer) -> None:
        """Calls the method of a due timer; raises what it raises, so that it is called again."""
        host = await self.numbered(int(timer.owner), "a schedule")
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
        host = self.get(await self._addressed(hook, finished))
        await _call(host, hook.method, lambda: (finished,))

    async def close(self, closing: Closing, grace: float) -> None:
        """Stops every agent; no other begins to live."""
        self._ground = None
        if self._waking is not None:
            await self._waking.close()
        await asyncio.gather(*(host.stop(closing, grace) for host in self._hosts.values()), *self._endings)
        self._hosts.clear()

    def class_name(self, cls: type[Any]) -> str:
        """The name of a class that the app was given, for agents or for sub-agents."""
        found = self._known.get(cls.__name__)
        if found is None or found.cls is not cls:
            raise UnknownAgent(
                f"this app was not given {cls.__name__}, it has {_listed(self._known)}: add it to sub_agents="
            )
        return found.name

    def definition(self, cls: type[Any]) -> Definition:
        """What is known of a class that has agents of its own; raises `UnknownAgent`."""
        found = next((one for one in self._top.values() if one.cls is cls), None)
        if found is None:
            raise UnknownAgent(
                f"this app was not given {cls.__name__}, it has {_listed(self._top)}: add it to agents="
            )
        return found

    async def _found(self, address: Address) -> Any:
        """The agent, for other code of the process; a new one is on the account of whom that works for."""
        share = self._standing().shares.agents
        if share is not None and not await self.make(address, share.of, share.most):
            raise refused("agents", share)
        return await _face(self.get(address))

    def _standing(self) -> Ground:
        if self._ground is None:
            raise NotRunning("the app is not started, or is stopping")
        return self._ground

    async def numbered(self, id: int, what: str) -> Host | None:
        """The host of the agent with this number, for which something is due; None: it is destroyed."""
        address = await self._standing().directory.address(id)
        if address is None:
            return None
        if address.class_name not in self._known:
            raise UnknownAgent(f"{what} of {address} is due, and this app was not given its class")
        return self.get(address)

    async def _wake(self, id: int) -> None:
        host = await self.numbered(id, "work")
        if host is not None:
            async with host.event():
                pass

    def _unstarted(self, id: int) -> None:
        if self._waking is not None and self._ground is not None:
            self._waking.again(id)

    async def _addressed(self, hook: AgentMethod, finished: Finished) -> Address:
        """Where the agent is found that a hook tells; its parents must be there."""
        top, *below = hook.addressed(finished)
        if top.class_name not in self._top:
            raise UnknownAgent(f"{top} is no agent of its own: give the path of the sub-agent to the hook")
        address = Address((top,))
        for step in below:
            parent = await self._standing().directory.find(address)
            if parent is None:
                raise UnknownAgent(f"{hook.name} is to be called, and there is no {address}")
            address = address.child(parent.id, step.class_name, step.name)
        return address

    def _within(self, address: Address) -> Sequence[Host]:
        return [host for host in self._hosts.values() if host.address.is_within(address)]

    def _gone(self, host: Host) -> None:
        if self._hosts.get(host.address) is host:  # else another one has taken the name of a destroyed one
            del self._hosts[host.address]

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        ending = asyncio.create_task(work)
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _wipe(
        self, ground: Ground, hosts: Collection[Host], ids: Collection[int], closing: Closing
    ) -> None:
        try:
            await asyncio.gather(*(host.stop(closing, _GRACE) for host in hosts))
            for id in ids:
                await wipe(ground, id)
        except Exception:  # noqa: BLE001  # nobody waits for it, and the mark stays
            names = ", ".join(map(str, hosts))
            _log.exception("%s is not wholly deleted, which is tried again at the next start", names)

    async def _wipe_condemned(self, ground: Ground) -> None:
        try:
            for id in await ground.directory.condemned():
                await wipe(ground, id)
        except Exception:  # noqa: BLE001  # nobody waits for it, and the mark stays
            _log.exception("a destroyed agent is not wholly deleted, which is tried again at the next start")


async def _face(host: Host) -> Any:
    """The started agent, for other code of the process."""
    try:
        async with host.event():
            return face_of(host)
    except StartFailed as failed:
        raise failed.error from None


def _listed(known: Mapping[str, Definition]) -> str:
    return ", ".join(known) or "none"


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
