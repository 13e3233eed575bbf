"""`AgentsApp`: agents and workflows as one ASGI application."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from starlette.types import Receive, Scope, Send

from agents_sdk.address import Address
from agents_sdk.agent import Agent
from agents_sdk.connection import Closing
from agents_sdk.definition import Classes, definitions, sub_definitions
from agents_sdk.directory import Directory, ListedAgent
from agents_sdk.entrance.cors import Cors
from agents_sdk.entrance.gate import Gate, Rules
from agents_sdk.env import Bindings, Launcher
from agents_sdk.errors import NotRunning
from agents_sdk.ground import Ground
from agents_sdk.life.hosts import Hosts, checked
from agents_sdk.routing import Route, split_path
from agents_sdk.security.access import Hook
from agents_sdk.security.limits import Limits
from agents_sdk.security.log import without_queries
from agents_sdk.security.origin import Hosts as AllowedHosts
from agents_sdk.security.origin import Origins
from agents_sdk.security.shares import Shares
from agents_sdk.sql import SqlFiles
from agents_sdk.workflow.starters import Starters
from workflows import Clock, Engine, EngineClosed, Timers, WorkflowEntrypoint

__all__ = ["AgentsApp"]

A = TypeVar("A", bound=Agent[Any, Any])

Workflows = Iterable[type[WorkflowEntrypoint[Any, Any]]] | Mapping[str, type[WorkflowEntrypoint[Any, Any]]]

_log = logging.getLogger(__name__)

_NOT_STARTED = (
    "AgentsApp is not started: a mounted app is started by the outer app, as in "
    "FastAPI(lifespan=agents.lifespan), any other by serving it or by `async with agents`"
)
_IDLE_AFTER = 600.0  # seconds
_GRACE = 10.0  # seconds for what is under way when the app stops
_RESTART = Closing(1012, "service restart")
_MEMORY = ":memory:"
_REALM = "agents"
"""Of the engine's timers: schedules of agents."""


class AgentsApp:
    """An ASGI app that serves `/agents/{agent}/{name}` over HTTP and WebSocket.

    Everything is kept in the folder `data`, which one process owns at a time, or beside the file of `engine`,
    which is opened when it is not, and then closed, too. Serve the app, or `async with app`, or give
    `app.lifespan` to the app that it is mounted in. An agent that is idle for `idle_after` seconds is let go.

    Without hooks it serves this machine only. `on_before_connect` decides about WebSockets and
    `on_before_request` about HTTP, before anything is made for who is refused.
    """

    def __init__(
        self,
        agents: Classes,
        workflows: Workflows = (),
        *,
        sub_agents: Iterable[type[Agent[Any, Any]]] = (),
        data: str | os.PathLike[str] = ".agents",
        env: Any = None,
        engine: Engine | None = None,
        clock: Clock | None = None,
        prefix: str = "agents",
        idle_after: float = _IDLE_AFTER,
        on_before_connect: Hook | None = None,
        on_before_request: Hook | None = None,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
        cors: bool | Mapping[str, str] = False,
        limits: Limits | None = None,
        insecure_no_auth: bool = False,
    ) -> None:
        """`agents` and `workflows` may be dicts of binding names; `prefix` is the first part of the path.

        `sub_agents` are classes of which there are only sub-agents; those of `agents` may be both.

        `allowed_hosts` are the names that clients call this app by, besides those of this machine, and
        `allowed_origins` the pages that may talk to it, besides its own. `cors=True` lets every page send
        HTTP requests; its own headers may be given instead. `insecure_no_auth` serves other machines without
        a hook.
        """
        self._definitions = definitions(agents)
        self._workflows = workflows
        self._named = dict(workflows) if isinstance(workflows, Mapping) else {}
        self._data = Path(data)
        self._env = env
        self._engine = engine
        self._clock = clock
        self._idle_after = idle_after
        self._limits = limits or Limits()
        below = sub_definitions(self._definitions, sub_agents)
        self._hosts = Hosts(
            {one.name: one for one in self._definitions.values()},
            {one.name: one for one in below.values()},
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resources = AsyncExitStack()
        self._now: Callable[[], float] = time.time
        rules = Rules(
            on_before_connect=on_before_connect,
            on_before_request=on_before_request,
            hosts=AllowedHosts(allowed_hosts),
            origins=Origins(allowed_origins),
            cors=Cors(cors),
            limits=self._limits,
            insecure_no_auth=insecure_no_auth,
        )
        self._gate = Gate(
            rules,
            prefix=prefix,
            known=self._definitions.keys(),
            below=below,
            runs=self._runs,
            address=self._address,
            host=self._hosts.get,
            make=self._hosts.make,
            now=self._time,
        )

    async def start(self) -> None:
        """Opens the data, goes on with unfinished workflows, and calls what has become due."""
        if self._loop is not None:
            return
        async with AsyncExitStack() as resources:
            resources.enter_context(without_queries())
            engine = await self._open_engine(resources)
            files = SqlFiles(_sql_folder(engine.store.path, resources))
            resources.push_async_callback(files.close)
            self._now = engine.clock.now
            directory = Directory(engine.store, engine.clock)
            await directory.open()
            timers = engine.timers(_REALM)
            self._hosts.open(self._ground(engine, directory, timers, files))
            starters = Starters(engine, self._hosts)
            resources.push_async_callback(self._let_go, timers, starters)
            await timers.serve(self._hosts.fire)
            await starters.serve()
            self._resources = resources.pop_all()
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Closes connections with code 1012, lets what is under way come to its end; nothing is lost."""
        self._loop = None
        await self._resources.aclose()

    async def get_agent(self, cls: type[A], name: str) -> A:
        """The living agent, started: call its public methods. It is the one that serves the clients, too.

        While it is held, the agent is not let go. An error of its `on_start` is raised.
        """
        self._refuse_elsewhere("get_agent")
        return cast(A, await self._hosts.get_agent(cls, name))

    async def list_agents(
        self, cls: type[Agent[Any, Any]], *, after: str = "", limit: int = 100
    ) -> Sequence[ListedAgent]:
        """The agents of a class that were ever addressed, by name; `after` is the last name of a page."""
        self._refuse_elsewhere("list_agents")
        return await self._hosts.list_agents(cls, after=after, limit=limit)

    async def forward(
        self,
        cls: type[Agent[Any, Any]],
        name: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        path: str = "",
    ) -> None:
        """Serves a request of the outer app by this agent, whatever its path is: for clients with `basePath`.

        `path` is what a URL would have behind the agent's name, not decoded: `/sub/note/a` is a sub-agent.
        Hooks, hosts, origins, CORS and limits of this app hold as for any other request.
        """
        wanted = self._hosts.definition(cls)
        agent = next(key for key, one in self._definitions.items() if one is wanted)
        await self._gate.lead(Route(agent, checked(name), tuple(split_path(path))), scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002
        """For the app that this one is mounted in: started inside, stopped after."""
        async with self:
            yield

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self._gate(scope, receive, send)

    def _time(self) -> float:
        return self._now()

    def _runs(self) -> bool:
        if self._loop is None:
            _log.error(_NOT_STARTED)
        return self._loop is not None

    def _address(self, route: Route) -> Address:
        return Address.top(self._definitions[route.agent].name, route.name)

    def _refuse_elsewhere(self, verb: str) -> None:
        if self._loop is None:
            raise NotRunning(_NOT_STARTED)
        if asyncio.get_running_loop() is not self._loop:
            raise NotRunning(f"agents live on the event loop of their app: call {verb} there")

    async def _open_engine(self, resources: AsyncExitStack) -> Engine:
        engine = self._engine
        if engine is None:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._data / "agents.db"
            engine = Engine(path, self._workflows, env=self._env, clock=self._clock)
        if not _is_open(engine):
            await resources.enter_async_context(engine)
        return engine

    def _ground(self, engine: Engine, directory: Directory, timers: Timers, files: SqlFiles) -> Ground:
        shares = Shares(self._limits, engine.store, engine.listed, engine.clock)
        launcher = Launcher(engine, self._named, shares.instances)
        return Ground(
            clock=engine.clock,
            store=engine.store,
            directory=directory,
            timers=timers,
            files=files,
            workflows=launcher,
            shares=shares,
            env=Bindings(launcher) if self._env is None else self._env,
            idle_after=self._idle_after,
        )

    async def _let_go(self, timers: Timers, starters: Starters) -> None:
        await asyncio.gather(
            timers.close(_GRACE),
            starters.rest(_GRACE),
            self._hosts.close(_RESTART, _GRACE),
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol of ASGI."""
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  # the server shows the sentence and ends
            _log.debug("starting failed", exc_info=True)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _is_open(engine: Engine) -> bool:
    try:
        return bool(engine.store)
    except EngineClosed:
        return False


def _sql_folder(store: str, resources: AsyncExitStack) -> Path:
    """Beside the file of the engine; for one in memory, a folder that goes with the app."""
    if store == _MEMORY:
        folder = tempfile.TemporaryDirectory(prefix="agents-sql-")
        return Path(resources.enter_context(folder))
    return Path(store).with_name(Path(store).stem + "-sql")
