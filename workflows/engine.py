"""`Engine`: opens the file, resumes what is unfinished, closes in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextvars import Context
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from workflows.binding import Binding
from workflows.claims import QUARANTINE_AFTER, checked_quarantine
from workflows.clock import Clock, SystemClock
from workflows.definition import Definition, checked_concurrency, define
from workflows.driver import Driver
from workflows.embedded import EmbeddedBackend
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import EngineClosed, UnknownWorkflow
from workflows.failpoint import failpoint
from workflows.firings import REALM, Firings
from workflows.hooks.deliveries import Deliveries
from workflows.ledger import Ledger
from workflows.memory.ledger import MemoryLedger
from workflows.page import ListedInstance, listed
from workflows.places import Places
from workflows.retention import Retention
from workflows.slots import Slots
from workflows.sqlite.ledger import SqliteLedger
from workflows.sqlite.store import Durability, Health, Store
from workflows.timers.realm import Timers
from workflows.timers.timetable import Timetable

__all__ = ["Engine"]

P = TypeVar("P")

_MEMORY = ":memory:"
_VALUE_LIMIT = 1 << 20
_HOT_WAITS = 10_000
_GRACE = 5.0
_STREAM_LIMIT = 1 << 30
_NOT_OPEN = "the engine is not open: use `async with Engine(…)` or `await engine.open()`"


class Engine:
    """Durable workflows in one process and one SQLite file.

    Unfinished instances go on when the engine is opened. `":memory:"` keeps everything in memory only. One
    process owns a file at a time; a second one gets `StoreInUse`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        workflows: Iterable[type[WorkflowEntrypoint[Any, Any]]]
        | Mapping[str, type[WorkflowEntrypoint[Any, Any]]],
        *,
        env: Any = None,
        clock: Clock | None = None,
        value_limit: int = _VALUE_LIMIT,
        stream_limit: int = _STREAM_LIMIT,
        concurrency: int | None = None,
        retention: Retention | None = None,
        hot_waits: int = _HOT_WAITS,
        park: Literal["always"] | None = None,
        quarantine_after: int | None = QUARANTINE_AFTER,
        durability: Durability = "full",
    ) -> None:
        """`workflows` may be a dict of binding names; `value_limit` is bytes of one stored value,
        `stream_limit` of one streamed result, and of what one attempt streams.

        `concurrency` limits how many instances run at once, over all workflows. `retention` says how long
        ended ones are kept where neither their workflow nor they say it: by default, until they are deleted.

        At most `hot_waits` instances that only wait stay in memory with their coroutines; the longest-blocked
        is parked: its run is let go, and it is run again from its journal when its wait is over. For tests,
        `park="always"` parks at every wait, as `hot_waits=0` does.

        An instance with which `quarantine_after` processes in a row have died, nothing of it having ended, is
        paused, and its status says why; so is a timer given up, once overdue. None: never, and all are taken
        up at once at every start.

        With `durability="relaxed"` a power cut may lose the last acknowledged writes, a crash loses none.
        """
        named = workflows if isinstance(workflows, Mapping) else {}
        classes = dict.fromkeys(named.values() if named else workflows)
        definitions = [
            define(one, value_limit=value_limit, stream_limit=stream_limit, retention=retention)
            for one in classes
        ]
        self.clock: Clock = clock or SystemClock()
        self.places = Places(self.clock)
        """What other parts of the program are to workflows: see `WorkflowEntrypoint.reach`."""
        self._hot_waits = 0 if park == "always" else hot_waits
        self._path = path
        self._durability = durability
        self._env = env
        self._quarantine_after = checked_quarantine(quarantine_after)
        self._concurrency = checked_concurrency(concurrency, "the engine")
        self._definitions = MappingProxyType({one.name: one for one in definitions})
        self._binding_names = {name: one.__name__ for name, one in named.items()}
        self._store: Store | None = None
        self._timetable: Timetable | None = None
        self._deliveries: Deliveries | None = None
        self._backend: EmbeddedBackend | None = None
        self._driver: Driver | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def store(self) -> Store:
        """The file, for what is written together with workflows."""
        if self._store is None:
            raise EngineClosed(_NOT_OPEN)
        return self._store

    @property
    def health(self) -> Health:
        """Whether the file can be written at the moment; when not, why, and what to do."""
        return self.store.health

    @property
    def deliveries(self) -> Deliveries:
        """What the hooks of workflows are still to be told."""
        if self._deliveries is None:
            raise EngineClosed(_NOT_OPEN)
        return self._deliveries

    def timers(self, realm: str) -> Timers:
        """The durable timers of one part of the program, for whoever is called for them under this name."""
        if self._timetable is None:
            raise EngineClosed(_NOT_OPEN)
        return self._timetable.of(realm)

    @overload
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, P]], /) -> Binding[P]: ...
    @overload
    def workflow(self, workflow: str, /) -> Binding[Any]: ...
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str, /) -> Binding[Any]:
        """The binding of a workflow, by its class, its name or its binding name."""
        if self._backend is None:
            raise EngineClosed(_NOT_OPEN)
        return Binding(self._backend, self._definition(workflow))

    async def listed(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ListedInstance]:
        """How instances are, by the names of their workflows and their ids, without those that do not exist.

        Also those of workflows that this engine was not given.
        """
        if self._backend is None:
            raise EngineClosed(_NOT_OPEN)
        return {found.ref[:2]: listed(found) for found in await self._backend.known(wanted)}

    async def open(self) -> Self:
        """Opens the file and resumes every unfinished instance."""
        if self._store is not None:
            return self
        self._store = await Store.open(self._path, clock=self.clock, durability=self._durability)
        try:
            await self._begin(self._store)
        except BaseException:
            await self.close()
            raise
        failpoint("engine.opened")
        return self

    async def close(self) -> None:
        """Lets all runs go, waits for what is being written, and closes the file; nothing is lost.

        A caller that is cancelled stops waiting, and nothing else.
        """
        if self._closing is None and self._store is not None:
            self._closing = asyncio.create_task(self._close(), context=Context())
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def replay(self) -> None:
        """Lets every run go and runs it again from its journal, as after a crash; nothing recorded is lost.

        What is parked stays so.

        For tests: code that comes to another outcome after this would do so after a crash.
        """
        if self._backend is None:
            raise EngineClosed(_NOT_OPEN)
        await self._backend.renew()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _close(self) -> None:
        try:
            await self._let_go()
        finally:
            self._closing = None

    async def _let_go(self) -> None:
        timetable, self._timetable = self._timetable, None
        if timetable is not None:
            await timetable.close(_GRACE)  # what it calls uses all the rest
        backend, driver, store = self._backend, self._driver, self._store
        self._backend = self._driver = self._store = self._deliveries = None
        failpoint("engine.closing")
        if backend is not None:
            await backend.close()
        if driver is not None:
            await driver.close()
        if store is not None:
            await store.close()
        failpoint("engine.closed")

    async def _begin(self, store: Store) -> None:
        ledger: Ledger
        self._timetable = Timetable(store, clock=self.clock, quarantine_after=self._quarantine_after)
        await self._timetable.open()
        if os.fspath(self._path) == _MEMORY:
            ledger = MemoryLedger(store)
        else:
            ledger = await SqliteLedger.over(store)
        self._deliveries = Deliveries(
            self._timetable, self._definitions, self.clock, env=self._env, bindings=self.workflow
        )
        self._backend = EmbeddedBackend(
            ledger, self.clock, self._slots(), self._deliveries, self._quarantine_after
        )
        self._driver = Driver(
            self._definitions,
            self._backend,
            self.clock,
            env=self._env,
            bindings=self.workflow,
            reach=self.places.reach,
            hot_waits=self._hot_waits,
            store=store,
        )
        await self._backend.serve(self._definitions, self._driver.drive)
        await Firings(self._timetable.of(REALM), self._definitions, self._backend).open()
        await self._deliveries.open()

    def _slots(self) -> Slots | None:
        limits = {
            one.name: one.concurrency for one in self._definitions.values() if one.concurrency is not None
        }
        return Slots(self._concurrency, limits) if limits or self._concurrency is not None else None

    def _definition(self, workflow: object) -> Definition:
        if isinstance(workflow, str):
            name = self._binding_names.get(workflow, workflow)
        else:
            name = next((one.name for one in self._definitions.values() if one.workflow is workflow), "")
        if name not in self._definitions:
            known = ", ".join(self._definitions) or "none"
            raise UnknownWorkflow(f"this engine has no workflow {workflow!r}; it has {known}")
        return self._definitions[name]
