"""A pruner that is closed stays so."""

from __future__ import annotations

import pytest

from workflows.memory.ledger import MemoryLedger
from workflows.pruner import Pruner
from workflows.testing import VirtualClock


@pytest.mark.anyio
async def test_what_ends_after_the_close_arms_nothing() -> None:
    clock = VirtualClock()
    pruner = Pruner(MemoryLedger(), clock)
    await pruner.open()
    pruner.expects(clock.now() + 5)
    assert pruner._alarm is not None
    await pruner.close()
    pruner._alarm = None  # it was cancelled
    pruner.expects(clock.now() + 5)  # a run came to its end meanwhile
    assert pruner._alarm is None
