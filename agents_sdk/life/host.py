"""One agent while it lives: its object and parts, made when it is first needed, let go when it is idle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from agents_sdk.address import Address
from agents_sdk.agent import Agent
from agents_sdk.connection import Closing, Connection
from agents_sdk.connections import Connections
from agents_sdk.current import entered
from agents_sdk.definition import Definition
from agents_sdk.errors import Aborted, NotRunning
from agents_sdk.ground import Ground
from agents_sdk.life.interruption import Interruption
from agents_sdk.life.making import made
from agents_sdk.life.pins import Pins
from agents_sdk.life.starting import Start
from agents_sdk.place import Place
from agents_sdk.principal import Principal
from agents_sdk.reach import Reach
from agents_sdk.security.access import principal_of
from agents_sdk.tasks import Tasks
from workflows import Clock

__all__ = ["Host", "StartFailed"]

_log = logging.getLogger(__name__)

_ABORTED = Closing(1012, "Sub-agent aborted")


class StartFailed(Exception):
    """The agent could not be started, and that was reported. `answer` is what `on_error` made of it."""

    def __init__(self, error: Exception, answer: Response | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.answer = answer


class Host:
    """The place of one address, where at most one object lives: all that happens to it comes here.

    It is let go when nobody has been inside `pinned` for `idle_after` seconds, as every connection is, and
    nobody holds a face of it. `gone` hears that, and `unstarted` the number of one that could not start, or
    was aborted.
    """

    def __init__(
        self,
        definition: Definition,
        address: Address,
        ground: Ground,
        *,
        reach: Reach,
        gone: Callable[[Host], None],
        unstarted: Callable[[int], None],
    ) -> None:
        self.definition = definition
        self.address = address
        self.connections = Connections()
        self.face: Callable[[], object | None] = lambda: None
        self._ground = ground
        self._reach = reach
        self._gone = gone
        self._unstarted = unstarted
        self._interruption = Interruption()
        self._tasks = Tasks(ground.clock, pinned=self.pinned, failed=self._task_failed)
        self._agent: Agent[Any, Any] | None = None
        self._started = False
        self._doomed = False
        self._stopping = False
        self._stopped = False
        self._starting: asyncio.Task[None] | None = None
        self._start_of = Start(address)
        self._ending: asyncio.Task[None] | None = None
        self._pins = Pins(ground.clock, ground.idle_after, self._evict)

    def __str__(self) -> str:
        return str(self.address)

    @property
    def clock(self) -> Clock:
        """The clock of the engine."""
        return self._ground.clock

    @property
    def id(self) -> int | None:
        """The number of the agent, if it lives."""
        return None if self._agent is None else self._agent.ctx.id

    @property
    def living(self) -> Agent[Any, Any]:
        """The object, for who keeps it alive: to be looked at also when its app has stopped."""
        if self._agent is None:
            raise NotRunning(f"{self} does not live: ask the app for it again")
        return self._agent

    def pinned(self) -> AbstractContextManager[None]:
        """While anyone is inside, the agent is not let go."""
        return self._pins.pinned()

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else, and keeps the agent for it."""
        return self._tasks.spawn(work)

    @asynccontextmanager
    async def in_turn(self, turn: asyncio.Lock) -> AsyncIterator[None]:
        """Inside `turn`; a virtual clock does not stand still for those that wait for theirs."""
        with self._ground.clock.waiting():
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    def unsettled(self) -> Awaitable[object] | None:
        """What ends when all changes of the state so far are committed, or have failed; None: they are."""
        return None if self._agent is None else self._agent.ctx.state.unsettled

    @asynccontextmanager
    async def event(
        self,
        connection: Connection | None = None,
        request: HTTPConnection | None = None,
        *,
        principal: Principal | None = None,
    ) -> AsyncIterator[Agent[Any, Any]]:
        """The started agent, for one thing that happens to it; raises `StartFailed` or `NotRunning`.

        Inside, it is the current agent, and these are who asked; `principal` for whom another agent calls it.
        """
        asking = request or connection
        principal = principal if asking is None else principal_of(asking)
        with self.pinned(), self._ground.clock.busy(), self._interruption.inside():
            while not self._started or self._ending is not None:
                await self._start()
            with entered(self.living, connection, request, principal):
                yield self.living

    async def report(self, error: Exception) -> Response | None:
        """Tells `on_error` what a hook raised; gives its answer for an HTTP client."""
        if self._agent is None:
            _log.error("%s could not be made", self, exc_info=error)
            return None
        try:
            answer = await self._agent.on_error(error)
        except Exception:  # noqa: BLE001  # there is nobody else to tell
            _log.exception("%s raised in on_error", self)
            return None
        return answer if isinstance(answer, Response) else None

    @property
    def is_doomed(self) -> bool:
        """It was destroyed, and comes to its end."""
        return self._doomed

    def doom(self) -> None:
        """No other life begins here: it was destroyed, and whoever has its name next lives elsewhere."""
        self._doomed = True

    async def stop(self, closing: Closing, grace: float) -> None:
        """Closes the connections, gives what is under way `grace` seconds, and ends the life for good."""
        self._stopping = True
        self.connections.close(closing)
        self._rest()
        try:
            async with asyncio.timeout(grace):
                await self._pins.nobody()
        except TimeoutError:
            _log.warning("%s was still at work after %g seconds and is cut off", self, grace)
        self._stopped = True
        if self._starting is not None:
            self._starting.cancel()
        under_way = [task for task in (self._starting, self._ending) if task is not None]
        if under_way:
            await asyncio.wait(under_way)
        self._interruption.cut(Aborted(f"{self} was cut off by its end"), own=self._tasks)
        await self._finish()
        self._pins.close()

    def abort(self, reason: str) -> bool:
        """Cuts off all that is under way, and ends this life; false when there is none, or it ends anyway."""
        if self._ending is not None or self._stopped or self._agent is None:
            return False
        aborted = Aborted(f"{self} was aborted" + (f": {reason}" if reason else ""))
        self._rest()  # before anything is cut off, which then knows that its life ends
        self._interruption.cut(aborted, own=self._tasks)  # which are cancelled at the end of the life
        for connection in self.connections:
            connection.close(_ABORTED.code, _ABORTED.reason)
        self._ending = asyncio.create_task(self._cut_off())
        self._ending.add_done_callback(self._ended)
        return True

    async def _start(self) -> None:
        if self._stopped or self._doomed:
            raise self.over()
        with self._ground.clock.waiting(), self._start_of.awaited():
            change = self._ending or self._starting
            if change is None:
                change = self._starting = asyncio.create_task(self._begin())
                change.add_done_callback(self._begun)
            await asyncio.wait([change])
        if change.cancelled():  # nobody cancelled those that waited for it
            raise NotRunning(f"{self} was stopped before it had started")
        change.result()

    def _begun(self, starting: asyncio.Task[None]) -> None:
        self._starting = None
        if not starting.cancelled():
            starting.exception()  # whoever waited got it; perhaps nobody waits any more

    async def _begin(self) -> None:
        self._start_of.run()
        with self._ground.clock.busy():
            try:
                agent = await self._make()
                with entered(agent):
                    for part in agent.ctx.parts.values():
                        await part.begin()
                    await agent.on_start()
            except Exception as error:
                if self._agent is None and isinstance(error, NotRunning):
                    raise  # it or its parent was destroyed
                id = self.id
                answer = await self.report(error)
                await self._discard()
                if id is not None:
                    self._unstarted(id)
                raise StartFailed(error, answer) from error
        self._started = True
        for part in () if self._stopping else agent.ctx.parts.values():
            part.started()

    async def _make(self) -> Agent[Any, Any]:
        """A new object with all its parts, before its `on_start`."""
        listed = await self._ground.directory.enter(self.address)
        if self._doomed:  # what was entered may be the next agent of this name, which lives elsewhere
            raise self.over()
        cls = self.definition.cls
        place = Place(
            cls.__new__(cls), self.definition, self.address, listed, self._ground, self._reach, life=self
        )
        self._agent = made(place, self._tasks)
        return self._agent

    def over(self) -> NotRunning:
        """What those are told that want more of it."""
        return NotRunning(f"{self} was stopped with its app, or destroyed")

    async def _task_failed(self, error: Exception) -> None:
        if not isinstance(error, StartFailed | NotRunning):
            await self.report(error)

    def _evict(self) -> None:
        if self._ending is not None or self.face() is not None:
            self._pins.wait_anew()
            return
        self._ending = asyncio.create_task(self._finish())
        self._ending.add_done_callback(self._ended)

    def _ended(self, _ending: asyncio.Task[None]) -> None:
        self._ending = None
        # Otherwise somebody came meanwhile, and begins a new life here; or it was aborted, and who holds it
        # shall not have another life than those that ask for it.
        if not self._pins and self.face() is None:
            self._gone(self)

    async def _finish(self) -> None:
        """The end of a life: `on_stop`, then everything that it held is given back."""
        with self._ground.clock.busy():
            if self._started:
                try:
                    with entered(self.living):
                        await self.living.on_stop()
                except Exception as error:  # noqa: BLE001  # it ends all the same
                    await self.report(error)
            await self._discard()

    async def _cut_off(self) -> None:
        """The end of a life that was aborted: without `on_stop`, as of a process that is killed."""
        with self._ground.clock.busy():
            if self._starting is not None:
                self._starting.cancel()
                await asyncio.wait([self._starting])
            if self.id is not None:
                self._unstarted(self.id)  # what it is owed may have been cut off
            await self._discard()

    async def _discard(self) -> None:
        self._started = False
        self._rest()
        if self._agent is not None:
            await self._agent.ctx.state.settled()
            await self._tasks.cancel()
            for part in reversed([*self._agent.ctx.parts.values()]):
                await part.end()
        if not self._stopped:
            self._agent = None

    def _rest(self) -> None:
        if self._agent is not None:
            for part in self._agent.ctx.parts.values():
                part.rest()
