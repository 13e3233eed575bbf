"""Judges `workflows` from outside, on every backend and on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.world import World

BACKENDS: dict[str, Callable[[Path], str]] = {
    "memory": lambda folder: ":memory:",
    "sqlite": lambda folder: str(folder / "engine.db"),
}
DURABLE = ("sqlite",)
"""Backends that outlive their engine."""


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend."""
    return World(BACKENDS[request.param](tmp_path))


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend that outlives its engine."""
    return World(BACKENDS[request.param](tmp_path))
