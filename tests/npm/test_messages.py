"""The AI SDK can take all chunks that clients are sent, and makes of them the message that is stored."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agents_sdk.chat.builder import Builder
from agents_sdk.chat.reconcile import reconciled
from agents_sdk.chat.rewrite import rewritten
from agents_sdk.chat.shapes import Chunk, Message, Part
from tests.agents_sdk.chat.strategies import OTHER, TEXT, TOOL
from tests.npm.suite import HERE, Unavailable, beside, installed, node

_CASES = 300
_OF_CALL: dict[str, Chunk] = {"c1": {"toolName": "look"}, "c2": {"toolName": "send", "dynamic": True}}
_STEP: Chunk = {"type": "start-step"}


def _sound(chunks: list[Chunk]) -> list[Chunk]:
    """Calls keep their names, and do not stretch over steps: nobody relies on what clients make of others."""
    sound: list[Chunk] = []
    for chunk in chunks:
        if chunk["type"].startswith("tool-input-") and "toolName" in chunk:
            chunk = {key: value for key, value in chunk.items() if key != "dynamic"}
            sound.append(chunk | _OF_CALL[chunk["toolCallId"]])
        elif chunk != _STEP or not any("toolCallId" in one for one in chunks):
            sound.append(chunk)
    return sound


def _cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []

    @settings(
        max_examples=_CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(TEXT | OTHER, max_size=5), st.lists(TEXT | TOOL | TOOL | OTHER, max_size=25))
    def collect(first: list[Chunk], then: list[Chunk]) -> None:
        begun = Builder({"id": "m", "role": "assistant", "parts": []})
        for chunk in first:
            begun.apply(chunk)
        begun.close()
        before = begun.message
        live = Builder(before)
        given = [one for chunk in _sound(then) for one in live.apply(chunk)]
        sent = [rewritten(chunk, message_id="m", continuation=bool(before["parts"])) for chunk in given]
        live.close()
        cases.append({"before": before, "sent": sent, "stored": live.message})

    collect()
    return cases


def _told(message: Message) -> Message:
    """What is the same on both sides: each notes things that the other does not."""
    parts = [_part(part) for part in message["parts"]]
    while parts and parts[-1] == {"type": "step-start"}:  # clients show one when something follows
        parts.pop()
    return {"id": message["id"], "parts": parts, "metadata": message.get("metadata")}


def _part(part: Part) -> Part:
    noise = {"toolName", "rawInput"}
    if part["type"] in ("text", "reasoning"):
        noise |= {"id", "state", "providerMetadata"}
    if part.get("state") in ("input-streaming", "output-error"):
        noise |= {"input"}
    return {key: value for key, value in part.items() if key not in noise}


@pytest.mark.timeout(480)  # the first one installs the clients
def test_what_clients_show_is_what_is_stored() -> None:
    cases = _cases()
    try:
        program, packages = node(), installed(HERE / "package.json")
    except Unavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the official clients do not run here: {reason}")
    with beside(packages, [HERE / "messages.mjs"]) as folder:
        done = subprocess.run(
            [program, str(folder / "messages.mjs")],
            input="".join(json.dumps(case) + "\n" for case in cases),
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=True,
        )
    shown = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    question = {"id": "u1", "role": "user", "parts": []}
    assert len(shown) == len(cases) >= _CASES // 2
    for case, client in zip(cases, shown, strict=True):
        assert client["error"] is None, case
        assert _told(client["message"]) == _told(case["stored"]), case
        view = reconciled([case["stored"]], [client["message"], question], trust_stored=False)
        assert view.upserts == [question], (case, client, view)
