"""`self.agent_tools`: sub-agents that run as tools of an agent's answers."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any, Protocol

from pydantic_core import to_json

from agents_sdk import protocol
from agents_sdk.agent_tools.rows import New, Rows
from agents_sdk.agent_tools.run import Row, ToolRun, ToolRunStatus
from agents_sdk.agent_tools.shown import Shown
from agents_sdk.children import Children
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from agents_sdk.errors import InvalidToolRun, NotRunning
from agents_sdk.living import Living
from agents_sdk.methods import Methods
from agents_sdk.part import Part
from agents_sdk.schedule import Callback
from workflows import Clock, Store

__all__ = ["AgentTools"]

_log = logging.getLogger(__name__)

_SHOWN = 32  # ended runs that a client is shown when it connects
_FAILED = "The sub-agent could not be started."
_UNKNOWN = "How the sub-agent has ended is not known."


class Parent(Protocol):
    """The agent, for a module on which its class stands."""

    @property
    def children(self) -> Children:
        """Its sub-agents."""

    async def queue(self, callback: str, payload: Any = None, *, id: str | None = None) -> str:
        """Calls a method, durably."""


class AgentTools(Part):
    """The runs of one agent: each is a row, and the turn of a sub-agent that has the run's id as its name."""

    def __init__(
        self, store: Store, owner: int, agent: Parent, methods: Methods, *, life: ToolLife, clock: Clock
    ) -> None:
        self._rows = Rows(store, owner)
        self._agent = agent
        self._methods = methods
        self._life = life
        self._clock = clock
        self._shown: dict[str, Shown] = {}
        self._resting = False

    async def begin(self) -> None:
        """Loads those that clients are shown, and those that go on."""
        for row in await self._rows.shown(_SHOWN):
            if row.damaged:
                _log.error("%s", row.error)
            self._shown[row.id] = Shown(row, self._send)

    def started(self) -> None:
        """What an earlier life has left goes on: the sub-agent has taken up its turn, or does so now."""
        for shown in list(self._shown.values()):
            if not shown.row.run.ended:
                self._follow(shown)
            elif shown.row.owed:
                self._life.spawn(self._tell(shown.row))

    def rest(self) -> None:
        """What is cut off from now on goes on in the next life."""
        self._resting = True

    def greet(self, connection: Connection) -> None:
        """Shows a new connection the runs under way, and the latest ones that have ended."""
        for shown in self._shown.values():
            for frame in shown.replay():
                connection.send(protocol.encode(frame))

    async def run(
        self,
        cls: type[Any],
        input: Any,  # noqa: A002  # the original's name
        *,
        run_id: str | None = None,
        parent_tool_call_id: str | None = None,
        input_preview: Any = None,
        display: dict[str, Any] | None = None,
        detached: bool = False,
        on_finish: Callback | None = None,
    ) -> ToolRun:
        """See `ChatAgent.run_agent_tool`."""
        if not hasattr(cls, "answer_as_tool"):
            raise InvalidToolRun(f"{cls.__name__} cannot answer as a tool: derive it from ChatAgent")
        if run_id == "" or (on_finish is not None and not detached):
            raise InvalidToolRun("a run has an id that is not empty, and on_finish only with detached=True")
        text = input if isinstance(input, str) else to_json(input).decode()
        wanted = New(
            id=secrets.token_urlsafe(12) if run_id is None else run_id,
            cls=self._agent.children.class_name(cls),
            call=parent_tool_call_id,
            input=text,
            preview=to_json(input if input_preview is None else input_preview),
            display=None if display is None else to_json(display),
            on_finish=None if on_finish is None else self._method(on_finish),
        )
        accepting = self._rows.accept(wanted, at=self._clock.now())
        try:
            return await self._accepted(await asyncio.shield(accepting), wanted, detached=detached)
        except asyncio.CancelledError:
            if not detached and not self._resting:
                self._life.spawn(self._unwanted(accepting))
            raise

    async def get(self, run_id: str) -> ToolRun | None:
        """The run with this id, under way or ended."""
        row = await self._rows.get(run_id)
        return None if row is None else row.run

    async def abort(self, run_id: str) -> bool:
        """Ends a run that nobody wants any more, and returns when it has; false when there is none."""
        shown = self._shown.get(run_id)
        if shown is None or not shown.followed:
            return False
        shown.wanted = False
        if shown.row.status == "running":
            child = await self._agent.children.get(shown.row.cls, run_id)
            await child.stop_as_tool(run_id)
        await self._over(shown)
        return True

    async def clear(self) -> int:
        """Deletes all runs that have ended, with their sub-agents, and says how many there were."""
        ended = await self._rows.ended()
        for row in ended:
            await self._agent.children.delete(row.cls, row.id)
            await self._rows.drop(row)
            self._shown.pop(row.id, None)
        return len(ended)

    async def _accepted(self, row: Row, wanted: New, *, detached: bool) -> ToolRun:
        if row.cls != wanted.cls and not row.lost:
            raise InvalidToolRun(f"the run {row.id!r} is one of {row.cls}: give that of {wanted.cls} its own")
        if row.run.ended:
            return row.run
        shown = self._shown.setdefault(row.id, Shown(row, self._send))
        self._follow(shown)
        return row.run if detached else await self._over(shown)

    async def _unwanted(self, accepting: asyncio.Future[Row]) -> None:
        row = await accepting
        if not row.run.ended:
            self._follow(self._shown.setdefault(row.id, Shown(row, self._send)), wanted=False)
            await self.abort(row.id)

    async def _over(self, shown: Shown) -> ToolRun:
        with self._clock.waiting():
            return await asyncio.shield(shown.over)

    def _follow(self, shown: Shown, *, wanted: bool = True) -> None:
        if not shown.followed:
            shown.wanted = wanted
            shown.begin()
            self._life.spawn(self._run(shown))

    async def _run(self, shown: Shown) -> None:
        status: ToolRunStatus = "interrupted"
        try:
            status, error = await self._answered(shown)
        except NotRunning as gone:
            if self._resting:
                return
            error = str(gone)
        except Exception as failed:  # noqa: BLE001  # clients get no details of what is no answer
            await self._life.report(failed)
            status, error = "error", _FAILED
        row = await self._rows.end(shown.row, status, error, "", shown.bodies)
        shown.end(row)
        shown.followed = False
        shown.over.set_result(row.run)
        ended = [id for id, one in self._shown.items() if not one.followed]
        for id in ended[:-_SHOWN]:
            del self._shown[id]
        await self._tell(row)

    async def _answered(self, shown: Shown) -> tuple[ToolRunStatus, str | None]:
        row = shown.row
        child = await self._agent.children.get(row.cls, row.id)
        if not await self._rows.begin(row, child.ctx.id):
            return "aborted", None
        shown.row = row._replace(status="running")
        result = await child.answer_as_tool(row.id, row.input, shown)
        if result is None:
            return "interrupted", _UNKNOWN
        return ("aborted" if result.status == "skipped" else result.status), result.error

    async def _tell(self, row: Row) -> None:
        if row.on_finish is not None:
            await self._agent.queue(row.on_finish, row.run.as_payload(), id=f"agent-tool {row.id}")
            await self._rows.told(row)

    def _method(self, callback: Callback) -> str:
        method = self._methods.given(callback, self._agent, wrong=InvalidToolRun)
        if not method.takes:
            raise InvalidToolRun(f"{self._methods.cls}.{method.name} takes no run: give it a parameter")
        return method.name

    def _send(self, frame: protocol.AgentToolEvent) -> None:
        self._life.connections.send(protocol.encode(frame))


class ToolLife(Living, Protocol):
    """The host of the agent."""

    @property
    def connections(self) -> Connections:
        """The open connections of the agent."""
