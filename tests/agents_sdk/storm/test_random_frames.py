"""A hundred thousand random messages, a million in `make torture`: all are answered, and all lives on.

A failure names its seed; `FRAMES_SEED=… pytest …` plays it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import typing
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp, protocol
from agents_sdk.routing import kebab
from agents_sdk.wire.takers import takers_of
from tests.agents_sdk.storm.agents import METHODS, STORMED
from tests.agents_sdk.storm.frames import Frames
from tests.agents_sdk.storm.visit import Visit
from tests.fault.sizes import size

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3_600)]

IN_ALL = size(100_000, 1_000_000)
AT_ONCE = 8
EACH = 500
PATIENCE = 60.0
NAMES = ("a", "b")


def test_every_frame_of_a_client_is_among_them() -> None:
    client_frames = frozenset(typing.get_args(protocol.ClientFrame))
    parse, frames = protocol.parser(client_frames), Frames(7)
    seen = {type(parse(text)) for text in (frames.next() for _ in range(20_000)) if isinstance(text, str)}
    assert seen == {*client_frames, type(None)}


async def visited(app: AgentsApp, env: Counter[Any], seed: int) -> int:
    """How many messages a few clients sent side by side; raises with the seed when one was not served."""
    visits = []
    for number in range(AT_ONCE):
        cls = STORMED[number % len(STORMED)]
        known = frozenset(takers_of(cls)._known)
        frames = Frames(seed * AT_ONCE + number, words=METHODS)
        path = f"/agents/{kebab(cls.__name__)}/{NAMES[number // len(STORMED) % len(NAMES)]}"
        visits.append((Visit(frames, EACH, known, f"{seed}-{number}"), path))
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(visit.to(app, path) for visit, path in visits))
    except TimeoutError:
        pytest.fail(f"FRAMES_SEED={seed}: a client was not served to its end")
    wrong = {visit.id: found for visit, _ in visits if (found := visit.objections(env[visit.id]))}
    assert not wrong, f"FRAMES_SEED={seed}: {wrong}"
    return sum(visit.sent for visit, _ in visits)


async def test_random_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "agents_sdk")  # a refused state and a call that raised are warnings
    seed = int(os.environ.get("FRAMES_SEED") or secrets.randbelow(1 << 32))
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    env: Counter[Any] = Counter()
    sent = 0
    async with AgentsApp(STORMED, data=tmp_path, env=env) as app:
        while sent < IN_ALL:
            sent += await visited(app, env, seed)
            told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
            assert [*told, *unhandled] == [], f"FRAMES_SEED={seed}"
            seed += 1
        assert env["start"] == len(STORMED) * len(NAMES), f"up to FRAMES_SEED={seed}: an agent began anew"
        assert env["turn"] > IN_ALL / 10_000, "chats were hardly talked to"
