"""The liveness invariant: whatever is unfinished has somebody or something that will move it."""

from __future__ import annotations

import json
import math

from workflows import Engine
from workflows.backend import Instance
from workflows.lease import Lease
from workflows.memory.ledger import MemoryLedger
from workflows.run import Run
from workflows.types import FINAL

__all__ = ["alive", "parked"]


async def alive(engine: Engine) -> None:
    """Fails when an unfinished instance has neither a run, nor a wait with a timer or for an event.

    A paused instance waits for its user, a queued one for a slot, one that broke off for its file, and one
    that may end the process for its turn.
    """
    backend = engine._backend
    if backend is None:
        return  # closed
    for name in engine._definitions:
        cursor = None
        while True:
            page = await engine.workflow(name).list(limit=1_000, cursor=cursor)
            for listed in page.instances:
                if listed.status in FINAL:
                    continue
                instance = await backend.find(name, listed.id)
                if instance is None or instance.status in FINAL:
                    continue
                lease = backend._runs.leases.get(instance.ref.incarnation)
                waits = instance.ref.incarnation in {
                    one.incarnation for one in backend._commands.claimer.suspects._line
                }
                moves = waits or (await _is_parked(engine, instance) if lease is None else _moves(lease))
                assert moves, f"{name} {listed.id} is {instance.status}, and nothing will move it"
            cursor = page.cursor
            if cursor is None:
                break


async def _is_parked(engine: Engine, instance: Instance) -> bool:
    """It is a row that wakes at a time or by an event, and this process knows when."""
    if instance.status == "paused":
        return True
    backend, incarnation = engine._backend, instance.ref.incarnation
    assert backend is not None
    if backend._commands.claimer.wakes._rousing is not None:
        return True  # it is being claimed
    wake, awaits = await parked(engine, incarnation)
    if wake is None or wake == math.inf:
        return wake is not None and bool(awaits)
    window = backend._commands.claimer.wakes._window
    beyond = window._edge is not None and (wake, incarnation) > window._edge
    return beyond or window._due.get(incarnation) == wake


async def parked(engine: Engine, incarnation: int) -> tuple[float | None, list[str]]:
    """When a parked instance wakes, and which events wake it; no time when it is not parked."""
    backend = engine._backend
    assert backend is not None
    if isinstance(backend._ledger, MemoryLedger):
        row = backend._ledger._rows[incarnation]
        return row.wake, sorted(row.awaits)
    sql = "SELECT wake, coalesce(awaits, '[]') FROM instance WHERE id = ?"
    [(wake, awaits)] = await engine.store.read(sql, (incarnation,))
    return wake, json.loads(awaits)


def _moves(lease: Lease) -> bool:
    if lease.status == "paused" or lease.queued or lease.broken is not None:
        return True
    if lease.run is None or lease.run.done():
        return False
    if lease.status == "waitingForPause":
        return lease.running > 0
    run = getattr(lease._changed, "__self__", None)
    return not isinstance(run, Run) or _wakes(lease, run)


def _wakes(lease: Lease, run: Run) -> bool:
    """No step stands before an open gate, and whatever waits has a timer, or waits for an event."""
    if lease.open and any(not opened.done() for opened in run._gate):
        return False
    return all(
        wait.over.done() or wait.alarm is not None or (wait.entry.due is None and wait.type is not None)
        for wait in run.waits.under_way
    )
