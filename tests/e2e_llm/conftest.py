"""The small model, where `make e2e-llm` has put it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e_llm.local import Door, local_model

TOKENS = 4096


@dataclass(frozen=True)
class Small:
    """Where the model answers, and how often it was asked."""

    url: str
    door: Door
    tokens: int = TOKENS


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def folder() -> Path:
    """The packages of the model."""
    named = os.environ.get("LOCAL_LLM")
    if not named:
        pytest.skip("needs the small local model: make e2e-llm")
    return Path(named).absolute()


@pytest.fixture(scope="session")
async def small(folder: Path) -> AsyncIterator[Small]:
    """One model for all tests."""
    async with local_model(folder, tokens=TOKENS) as port:
        door = Door(port)
        server = await asyncio.start_server(door.connected, "127.0.0.1", 0)
        async with server:
            yield Small(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", door)
