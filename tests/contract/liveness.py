"""The liveness invariant: whatever is unfinished has somebody or something that will move it."""

from __future__ import annotations

from workflows import Engine
from workflows.lease import Lease
from workflows.run import Run
from workflows.types import FINAL

__all__ = ["alive"]


async def alive(engine: Engine) -> None:
    """Fails when an unfinished instance has neither a run, nor a wait with a timer or for an event.

    A paused instance waits for its user, a queued one for a slot, and one that broke off for its file.
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
                assert lease is not None, f"{name} {listed.id} is {instance.status} and nobody's"
                assert _moves(lease), f"{name} {listed.id} is {instance.status}, and nothing will move it"
            cursor = page.cursor
            if cursor is None:
                break


def _moves(lease: Lease) -> bool:
    if lease.status == "paused" or lease.queued or lease.broken is not None:
        return True
    if lease.run is None or lease.run.done():
        return lease.waiting > 0  # it is parked, and its waits are registered
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
        for wait in run.waits._waits
    )
