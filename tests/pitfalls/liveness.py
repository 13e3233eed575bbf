"""The liveness invariant: whatever is unfinished has somebody or something that will move it."""

from __future__ import annotations

from workflows import Engine
from workflows.lease import Lease
from workflows.types import FINAL

__all__ = ["alive"]


async def alive(engine: Engine) -> None:
    """Fails when an unfinished instance has neither a run, nor a wait with a timer or for an event.

    A paused instance waits for its user; a queued one for a slot.
    """
    backend = engine._backend
    assert backend is not None
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
    if lease.status == "paused" or lease.queued:
        return True
    if lease.run is None or lease.run.done():
        return lease.waiting > 0  # it is parked, and its waits are registered
    return lease.status != "waitingForPause" or lease.running > 0
