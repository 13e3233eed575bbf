"""Judges `workflows` from outside, on every backend and on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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


def worlds(backends: Iterable[str]) -> list[Any]:
    """Every backend, with runs that stay hot and with runs that are parked at every wait."""
    hot = [pytest.param((backend, None), id=backend) for backend in backends]
    return hot + [pytest.param((backend, "always"), id=f"{backend}-parked") for backend in backends]


@pytest.fixture(params=worlds(BACKENDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend, hot and parked."""
    backend, park = request.param
    return World(BACKENDS[backend](tmp_path), park=park)


@pytest.fixture(params=worlds(DURABLE))
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend that outlives its engine, hot and parked."""
    backend, park = request.param
    return World(BACKENDS[backend](tmp_path), park=park)
