"""Running today's code over a recorded journal, without doing anything.

The instance is paused: a paused run is answered from its journal, and whatever would begin waits at the gate.
So the run comes exactly as far as the record goes, and no function of a step can be called.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workflows.audience import Audience
from workflows.backend import Instance, NewInstance, Outcome
from workflows.binding import Binding
from workflows.definition import Definition, define
from workflows.driver import Driver
from workflows.embedded import EmbeddedBackend
from workflows.entry import Entry, Key, State
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import UnknownWorkflow
from workflows.export import Recorded
from workflows.lease import Lease
from workflows.ledger import Claim
from workflows.memory.ledger import MemoryLedger
from workflows.testing.clock import VirtualClock

__all__ = ["Reached", "Rerun"]

_NO_LIMIT = 1 << 40
_ALL_STAY = 1 << 40
_SLACK = 1.0


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run came."""

    outcome: Outcome | None
    """How it ended; None when it did not."""
    asked: tuple[Key, ...]
    """The steps that it asked for, in this order."""
    open: tuple[Key, ...]
    """Those of them that the journal does not answer."""


class _Journal(dict[Key, Entry]):
    """A journal that notes what is asked for."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        super().__init__((entry.key, entry) for entry in entries)
        self.asked: dict[Key, None] = {}
        self.asked_more = asyncio.Event()

    def get(self, key: Key, default: Any = None, /) -> Any:
        """The entry of a step that begins."""
        self.asked[key] = None
        self.asked_more.set()
        return super().get(key, default)

    def open(self) -> tuple[Key, ...]:
        """What was asked for and has not ended."""
        return tuple(key for key in self.asked if key not in self or not self[key].ended)

    def patience(self) -> float | None:
        """Seconds until a cut step should have been cancelled again; None when none is open."""
        cut = [self[key].lasted for key in self.open() if key in self and self[key].state is State.CUT]
        return max(cut) + _SLACK if cut else None


class Rerun:
    """One run of `workflow` over what was recorded."""

    def __init__(
        self, workflow: type[WorkflowEntrypoint[Any, Any]], record: Recorded, *, env: Any, patience: float
    ) -> None:
        self._record = record
        self._patience = patience
        self._env = env
        self._clock = VirtualClock()
        self._definition = dataclasses.replace(
            define(workflow, value_limit=_NO_LIMIT, stream_limit=_NO_LIMIT), name=record.workflow
        )
        self._ledger = MemoryLedger()
        self._backend = EmbeddedBackend(self._ledger, self._clock)

    async def reached(self) -> Reached:
        """Runs until the run has ended or does not come any further."""
        driver = Driver(
            {self._record.workflow: self._definition},
            self._backend,
            self._clock,
            env=self._env,
            bindings=self._binding,
            reach=_nobody,
            hot_waits=_ALL_STAY,
        )
        lease, journal = await self._paused()
        run = asyncio.ensure_future(driver.drive(lease))
        try:
            await self._as_far_as_it_comes(run, journal)
            outcome = run.result() if run.done() else None
            return Reached(outcome, tuple(journal.asked), journal.open())
        finally:
            lease.stop()
            await asyncio.wait((run,))
            await driver.close()
            await self._backend.close()

    async def _paused(self) -> tuple[Lease, _Journal]:
        record = self._record
        [created] = await self._backend.create([NewInstance(record.workflow, record.id, record.params)])
        assert created is not None, "the ledger is new"
        for entry in record.entries:
            await self._ledger.put(created.ref.incarnation, 1, entry, consume=None)
        paused: Instance = created._replace(status="paused", created_at=record.created_at)
        entries = [
            _without_output(entry) if entry.key in record.redacted else entry for entry in record.entries
        ]
        lease = Lease(Claim(paused, 1, entries, [], []), self._ledger, Audience(), lambda _: None)
        journal = lease.journal = _Journal(entries)
        return lease, journal

    async def _as_far_as_it_comes(self, run: asyncio.Future[Outcome], journal: _Journal) -> None:
        """Returns when the run is over, or stands at the gate; while it does neither, real time goes by."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            journal.asked_more.clear()
            await VirtualClock().sleep(0)  # which is over when this event loop has nothing to do
            if run.done() or (journal.open() and journal.patience() is None):
                return
            if journal.asked_more.is_set():
                since = loop.time()
                continue
            patience = min(journal.patience() or self._patience, self._patience) - (loop.time() - since)
            if patience <= 0:
                return
            asked_more = asyncio.ensure_future(journal.asked_more.wait())
            await asyncio.wait((run, asked_more), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            asked_more.cancel()

    def _binding(self, workflow: Any) -> Binding[Any]:
        """Other workflows: what is created stays in memory, and nobody runs it."""
        if isinstance(workflow, str):
            raise UnknownWorkflow(f"a replay knows no workflow {workflow!r}: name it by its class")
        definition: Definition = define(workflow, value_limit=_NO_LIMIT, stream_limit=_NO_LIMIT)
        return Binding(self._backend, definition)


async def _nobody(place: str) -> None:
    """See `WorkflowEntrypoint.reach`."""


def _without_output(entry: Entry) -> Entry:
    return dataclasses.replace(entry, state=State.RUNNING)
