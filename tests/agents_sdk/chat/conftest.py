"""An app of a chat that stops where a test wants it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents_sdk import AgentsApp
from tests.agents_sdk.chat.chats import Echo, Gates
from tests.agents_sdk.served import served


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
async def address(gates: Gates, tmp_path: Path) -> AsyncIterator[str]:
    async with served(AgentsApp([Echo], data=tmp_path, env=gates)) as address:
        yield address
