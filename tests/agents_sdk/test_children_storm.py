"""Sub-agents that are made, deleted and aborted side by side: nothing is left of what is not there."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import NotRunning
from tests.agents_sdk.family import Inbox, Note, app

pytestmark = pytest.mark.anyio

ACTORS = 8
EACH = 40
NAMES = ("a", "b")


async def act(agents: Any, chance: random.Random) -> None:
    """One thing, somewhere in two small trees."""
    inbox = await agents.get_agent(Inbox, chance.choice(NAMES))
    name, deed = chance.choice(NAMES), chance.random()
    if deed < 0.05:
        await inbox.end()
    elif deed < 0.15:
        await inbox.children.delete(Note, name)
    elif deed < 0.25:
        await inbox.children.abort(Note, name)
    elif deed < 0.3:
        await (await inbox.note(name)).destroy()
    else:
        note = await inbox.note(name)
        if chance.random() < 0.5:
            note = await note.below(chance.choice(NAMES))
        await note.write("x")
        await note.schedule(3_600, "write", "later")


def left(folder: Path) -> list[str]:
    """What is there of agents that are not."""
    with sqlite3.connect(folder / "agents.db") as connection:
        agents = dict(connection.execute("SELECT id, parent FROM agent"))
        condemned = connection.execute("SELECT count(*) FROM agent WHERE condemned").fetchone()[0]
        states = {id for (id,) in connection.execute("SELECT agent FROM agent_state")}
        owners = {int(owner) for (owner,) in connection.execute("SELECT owner FROM timer")}
    connection.close()
    files = {int(file.stem) for file in folder.glob("agents-sql/*.db")}
    wrong = {
        "condemned": condemned,
        "orphans": {id for id, parent in agents.items() if parent and parent not in agents},
        "states": states - agents.keys(),
        "timers": owners - agents.keys(),
        "files": files - agents.keys(),
    }
    return [f"{what}: {found}" for what, found in wrong.items() if found]


async def test_nothing_is_left_of_what_is_not_there(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHILDREN_SEED") or secrets.randbelow(1 << 32))

    async def actor(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for _ in range(EACH):
            with suppress(NotRunning):  # it was ended or aborted meanwhile
                await act(agents, chance)

    async with app(tmp_path) as agents:
        async with asyncio.timeout(60):
            await asyncio.gather(*(actor(number) for number in range(ACTORS)))
    async with app(tmp_path) as agents:  # whatever was not finished is, now
        await agents.get_agent(Inbox, "a")
    assert left(tmp_path) == [], f"CHILDREN_SEED={seed}"
