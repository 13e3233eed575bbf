"""Fixtures for tests of durable workflows: a pytest plugin, there as soon as Perdure is installed.

It stands outside the packages, so that pytest loads nothing of them before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workflows.testing import EngineFactory, VirtualClock

__all__ = ["virtual_clock", "workflow_engine"]


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """The clock of this test: it jumps over whatever is waited for."""
    from workflows.testing import VirtualClock

    return VirtualClock()


@pytest.fixture
def workflow_engine(tmp_path: Path, virtual_clock: VirtualClock) -> Iterator[EngineFactory]:
    """Makes engines on `virtual_clock` and on one file: `async with workflow_engine(Checkout) as engine`."""
    from workflows.testing import EngineFactory

    factory = EngineFactory(tmp_path / "workflows.db", virtual_clock)
    yield factory
    if factory.left_open():
        pytest.fail("an engine of this test was left open: use `async with workflow_engine(…) as engine:`")
