"""`Agent`: the class that users write. It carries the daily verbs; the rest lives in its parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, overload

from starlette.responses import Response
from typing_extensions import TypeVar

from agents_sdk.address import PathStep
from agents_sdk.callable import CallableMethod
from agents_sdk.children import Children
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from agents_sdk.context import AgentContext
from agents_sdk.directory import ListedAgent
from agents_sdk.fibers import Fiber, Fibers, Function
from agents_sdk.hooks import Hooks
from agents_sdk.mcp import McpServer, McpServers
from agents_sdk.queue import Queue
from agents_sdk.retry import Patience, retry
from agents_sdk.schedule import Callback, Schedule, Schedules, ScheduleType
from agents_sdk.sql import Row, SqlFile
from agents_sdk.streams import Streams
from agents_sdk.template import Template
from agents_sdk.workflow.workflows import NO_PARAMS, Workflows
from workflows import Binding, Duration, Retention, WorkflowEntrypoint

__all__ = ["Agent"]

Env = TypeVar("Env", default=Any)
State = TypeVar("State", default=Any)
P = TypeVar("P")
T = TypeVar("T")
A = TypeVar("A", bound="Agent[Any, Any]")

_log = logging.getLogger(__name__)


class Agent(Hooks[State], Generic[Env, State]):
    """A stateful object with a name: one living object for each (class, name), all on one event loop.

    Derive from `Agent[Env, State]`; State is JSON: a dict, TypedDict, dataclass or pydantic model. Hooks and
    calls interleave at awaits; the runs of one schedule, and the messages of one connection, do not overlap.
    """

    initial_state: State
    """The state of a new agent; without it there is none until the first `set_state`."""
    send_identity_on_connect: ClassVar[bool] = True
    """False, where names are secrets: clients are told neither class nor name, and never become `ready`."""
    message_limit: ClassVar[int | None] = None
    """Bytes of a message on a WebSocket, above which it is closed; None: what the app's `Limits` say."""
    fiber_recovery_max_age: ClassVar[float] = 86_400.0
    """Seconds for which a failing `on_fiber_recovered` is called again; 0: for ever."""
    ctx: AgentContext
    """The parts behind the verbs."""

    @property
    def name(self) -> str:
        """The name under which it is addressed: the segment of the URL as it stands there.

        That of a sub-agent is decoded.
        """
        return self.ctx.address.name

    @property
    def parent_path(self) -> tuple[PathStep, ...]:
        """The agents above this one, root first; empty for an agent that is nobody's sub-agent."""
        return self.ctx.address.path[:-1]

    @property
    def self_path(self) -> tuple[PathStep, ...]:
        """The agents above this one, root first, and this one."""
        return self.ctx.address.path

    @property
    def env(self) -> Env:
        """What the app was given as `env`, else the workflow bindings: `self.env.MY_WORKFLOW`."""
        env: Env = self.ctx.env
        return env

    @property
    def state(self) -> State:
        """A copy of the state, with every change that was begun: only `set_state` changes it.

        An HTTP answer and a message to a client wait until what they may have seen is committed.
        """
        state: State = self.ctx.state.value
        return state

    @property
    def schedules(self) -> Schedules:
        """The schedules of this agent."""
        return self.ctx.part(Schedules)

    @property
    def mcp(self) -> McpServers:
        """The MCP servers of this agent, and their tools."""
        return self.ctx.part(McpServers)

    @property
    def queued(self) -> Queue:
        """What is in the queue of this agent."""
        return self.ctx.part(Queue)

    @property
    def children(self) -> Children:
        """The sub-agents of this agent."""
        return self.ctx.part(Children)

    @property
    def fibers(self) -> Fibers:
        """The fibers of this agent that are retained."""
        return self.ctx.part(Fibers)

    @property
    def streams(self) -> Streams:
        """The streams of this agent: appended to piece by piece, read from anywhere."""
        return self.ctx.part(Streams)

    @property
    def connections(self) -> Connections:
        """The open connections of this agent."""
        return self.ctx.connections

    async def set_state(self, state: State) -> None:
        """Replaces the state: validated, committed, sent to every client, then `on_state_changed`.

        Durable when it returns. `await self.set_state({**self.state, …})` loses no other change, as the new
        state takes effect before anything else runs. Raises `InvalidState` when it does not fit.
        """
        await self.ctx.state.replace(state, "server")

    async def get_agent(self, cls: type[A], name: str) -> A:
        """The living agent of this class and name: call its public methods. While it is held, it lives."""
        found: A = await self.ctx.reach.get_agent(cls, name)
        return found

    async def sub_agent(self, cls: type[A], name: str) -> A:
        """The living sub-agent of this class and name: made when it is new, and one of this agent only.

        It ends with this agent. Clients reach it as `/sub/{class}/{name}` behind this agent's URL.
        """
        found: A = await self.children.get(cls, name)
        return found

    async def parent_agent(self, cls: type[A]) -> A:
        """The living agent whose sub-agent this one is, which is of this class."""
        found: A = await self.ctx.reach.parent_agent(self.ctx.address, cls)
        return found

    async def list_agents(
        self, cls: type[Agent[Any, Any]], *, after: str = "", limit: int = 100
    ) -> Sequence[ListedAgent]:
        """The agents of a class that were ever addressed, by name; `after` is the last name of a page.

        Sub-agents are not among them.
        """
        return await self.ctx.reach.list_agents(cls, after=after, limit=limit)

    async def destroy(self) -> None:
        """Ends this agent for good: its connections are closed (1001), all that it kept is deleted.

        So are its sub-agents. Durable when it returns: from now on the name is that of a new agent. What is
        under way has 10 seconds to end, then `on_stop` is called and everything deleted; a crash in between
        is made good at the start.
        """
        await self.ctx.reach.destroy(self.ctx.id)

    async def sql(self, query: str | Template, *params: object) -> list[Row]:
        """The rows of one statement on this agent's private database; committed when this returns.

        Values go into `params`, for the `?` of the query, or are those of a template string (`t"…"` of
        Python 3.14). Raises `SqlError`.
        """
        return await self.ctx.part(SqlFile).run(query, params)

    @overload
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, P]]) -> Binding[P]: ...
    @overload
    def workflow(self, workflow: str) -> Binding[Any]: ...
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str) -> Binding[Any]:
        """The binding of a workflow, by its class, its name or its binding name."""
        return self.ctx.workflows.workflow(workflow)

    @property
    def workflows(self) -> Workflows:
        """The workflows that `run_workflow` has started: how they are, and what can be done with them."""
        return self.ctx.part(Workflows)

    async def run_workflow(
        self,
        workflow: type[WorkflowEntrypoint[Any, P]] | str,
        params: P | dict[str, Any] = NO_PARAMS,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
        retention: Retention | None = None,
    ) -> str:
        """Starts an instance, by the workflow's class, name or binding name; gives its id, by default `wf_…`.

        The instance and that this agent has started it are durable together when this returns. An id that
        the agent has used raises `AlreadyTracked`; with `exist_ok` that of an instance of this workflow is
        given. `metadata` is JSON, to find it by in `self.workflows.list`.
        """
        return await self.workflows.run(
            workflow, params, id=id, metadata=metadata, exist_ok=exist_ok, retention=retention
        )

    async def schedule(
        self,
        when: float | timedelta | datetime | str,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
    ) -> Schedule:
        """Calls the method with `payload` after seconds, at an aware datetime or by cron.

        Durable when it returns. A string that starts with `@` or has five or six fields is cron in UTC (six:
        seconds first), any other a duration. The method may take the schedule as a second parameter. It is
        called at least once: again after it raised (2, 4, 8 … seconds later, seven times in all, then it is
        dead), and again when the process died in it.

        A cron schedule of the same method, expression and payload that exists is returned as it is, unless
        `idempotent=False`; so are one-shots of the same method and payload with `idempotent=True`, and any
        with an equal `key`. `self.schedules.add` has more: time zone, catch-up, overlap, jitter, attempts.
        """
        return await self.schedules.add(when, callback, payload, key=key, idempotent=idempotent)

    async def schedule_every(
        self,
        interval: Duration,
        callback: Callback,
        payload: Any = None,
        *,
        key: str | None = None,
        idempotent: bool | None = None,
    ) -> Schedule:
        """Calls the method at a fixed rate, first after one interval (seconds, at most 30 days).

        As `schedule` with cron: one that exists is returned, and runs do not overlap.
        `self.schedules.add_every` has more; `anchor="end"` is one interval from the end of a run to the next.
        """
        return await self.schedules.add_every(interval, callback, payload, key=key, idempotent=idempotent)

    async def get_schedule(self, id: int) -> Schedule | None:
        """The schedule with this id, if it is this agent's."""
        return await self.schedules.get(id)

    async def get_schedules(
        self,
        *,
        type: ScheduleType | None = None,
        callback: Callback | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        dead: bool | None = None,
    ) -> list[Schedule]:
        """The schedules of this agent that fit everything given, the next one first."""
        wanted = self.schedules.list(type=type, callback=callback, since=since, until=until, dead=dead)
        return await wanted

    async def cancel_schedule(self, id: int) -> bool:
        """True: it was there, and is not called any more."""
        return await self.schedules.cancel(id)

    async def add_mcp_server(
        self, name: str, url: str, *, id: str | None = None, headers: Mapping[str, str] | None = None
    ) -> McpServer:
        """Connects to an MCP server (streamable HTTP): ready when it returns, and again after every start.

        Raises `McpError` when it cannot be used; it is kept as failed, and tried again at the next start.
        The same name and URL are the same server. Only public addresses by https, and this machine.
        """
        return await self.mcp.add(name, url, id=id, headers=headers)

    async def remove_mcp_server(self, id: str) -> bool:
        """True: it was there, and is not connected to any more."""
        return await self.mcp.remove(id)

    def get_mcp_servers(self) -> list[McpServer]:
        """The MCP servers of this agent, with what they offer."""
        return list(self.mcp)

    async def queue(
        self,
        callback: Callback,
        payload: Any = None,
        *,
        id: str | None = None,
        attempts: int = 3,
        base_delay: float = 0.1,
        max_delay: float = 3.0,
    ) -> str:
        """Calls the method with `payload` when all that was queued before has been; gives the id of the item.

        Durable when it returns. Strictly in order, one at a time, at least once: again when the process died
        in it, and after it raised, as `retry` does it, while the others wait; then it is dead, is kept, and
        `on_error` is told. The method may take the item as a second parameter. An `id` that waits in the
        queue already gives its place to this call.
        """
        return await self.queued.add(
            callback, payload, id=id, attempts=attempts, base_delay=base_delay, max_delay=max_delay
        )

    async def dequeue(self, id: str) -> bool:
        """True: it was in the queue, and is not called any more; false also when its call has begun."""
        return await self.queued.dequeue(id)

    def get_connections(self, tag: str | None = None) -> list[Connection]:
        """The open connections, or those with this tag."""
        return list(self.connections) if tag is None else self.connections.tagged(tag)

    def get_callable_methods(self) -> dict[str, CallableMethod]:
        """What clients may call, by the names that they use, with its description."""
        callables = self.ctx.methods.callables.items()
        return {name: one.callable for name, one in callables if one.callable is not None}

    def broadcast(self, message: str | bytes, *, without: Collection[str] = ()) -> None:
        """Sends a message to every client, except connections with an id in `without`."""
        self.ctx.connections.broadcast(message, without=without)

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else; the agent stays alive for it. Errors go to `on_error`."""
        return self.ctx.tasks.spawn(work)

    def keep_alive(self) -> AbstractContextManager[None]:
        """Inside `with`, the agent is not let go, however idle it is; it does not outlive the process."""
        return self.ctx.pinned()

    async def keep_alive_while(self, work: Awaitable[T]) -> T:
        """What `work` gives; the agent is not let go meanwhile."""
        with self.keep_alive():
            return await work

    async def retry(
        self,
        work: Callable[[int], Awaitable[T] | T],
        *,
        attempts: int = 3,
        base_delay: float = 0.1,
        max_delay: float = 3.0,
        should_retry: Callable[[Exception, int], bool] = lambda _error, _next_attempt: True,
    ) -> T:
        """Calls `work` with 1, and with 2, 3 … while it raises; raises the last error.

        Before attempt n + 1 a random part of `base_delay * 2**n` seconds passes, of `max_delay` at most.
        `should_retry(error, next_attempt)` may end it. Nothing of it is kept over a crash.
        """
        patience = Patience(attempts, base_delay, max_delay)
        return await retry(work, patience, should_retry=should_retry, clock=self.ctx.clock)

    async def run_fiber(self, name: str, function: Function[T]) -> T:
        """What `function(ctx)` returns; when the process dies in it, the next start is told.

        `await ctx.stash(data)` keeps what `on_fiber_recovered` will need, `ctx.id` tells fibers apart. The
        function itself is not called again. Nothing is kept of a fiber that has ended, or has raised.
        """
        return await self.fibers.run(name, function)

    async def start_fiber(
        self,
        name: str,
        function: Function[object],
        *,
        id: str | None = None,
        key: str | None = None,
        metadata: Any = None,
        wait: bool = False,
    ) -> Fiber:
        """Calls `function(ctx)` beside everything else, as `run_fiber`; what becomes of it is retained.

        Durable when it returns; with `wait`, when it has ended. One with the same `key`, or `id`, is not
        started again: it is returned with `accepted` False. `self.fibers` finds, cancels and deletes them.
        """
        return await self.fibers.start(name, function, id=id, key=key, metadata=metadata, wait=wait)

    async def on_error(self, error: Exception) -> Response | None:
        """A hook or a scheduled call raised; the default logs it.

        What this returns answers an HTTP client; otherwise the answer is a plain 500 without details.
        """
        _log.error('%s "%s"', type(self).__name__, self.name, exc_info=error)
        return None
