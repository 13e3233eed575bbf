"""Pitfall 10: an event is consumed in the transaction that records who received it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from workflows.backend import NewInstance
from workflows.clock import SystemClock
from workflows.entry import Entry, Key, Kind, State
from workflows.errors import Fenced
from workflows.ledger import Birth, Claim, Ledger
from workflows.memory.ledger import MemoryLedger
from workflows.sqlite.ledger import SqliteLedger
from workflows.sqlite.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """Both of them, with one instance in its first lease."""
    if request.param == "memory":
        ledger: Ledger = MemoryLedger()
        await ledger.insert([Birth(NewInstance("Flow", "i", b"{}"), 0.0, free=True)])
        yield ledger
        return
    store = await Store.open(tmp_path / "engine.db", clock=SystemClock())
    ledger = await SqliteLedger.over(store)
    await ledger.insert([Birth(NewInstance("Flow", "i", b"{}"), 0.0, free=True)])
    yield ledger
    await store.close()


async def claimed(ledger: Ledger) -> Claim:
    [claim] = await ledger.claim([1])
    return claim


def received() -> Entry:
    return Entry(Key(Kind.WAIT, "w", 1), 1, State.DONE, result=b"1")


async def test_whoever_lost_the_lease_consumes_nothing_and_records_nothing(ledger: Ledger) -> None:
    event, _ = await ledger.deliver(1, "go", b"1", 0.0)
    old, new = await claimed(ledger), await claimed(ledger)
    with pytest.raises(Fenced):
        await ledger.put(1, old.epoch, received(), consume=event.number)
    seen = await claimed(ledger)
    assert (seen.inbox, seen.entries) == ([event], [])
    assert new.inbox == [event]


async def test_the_event_is_gone_exactly_when_its_receipt_is_there(ledger: Ledger) -> None:
    event, _ = await ledger.deliver(1, "go", b"1", 0.0)
    other, _ = await ledger.deliver(1, "go", b"2", 0.0)
    claim = await claimed(ledger)
    await ledger.put(1, claim.epoch, received(), consume=event.number)
    seen = await claimed(ledger)
    assert (seen.inbox, [entry.state for entry in seen.entries]) == ([other], [State.DONE])
