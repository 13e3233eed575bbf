"""An exported instance: exact, plain JSON, and what was sensitive left out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import InstanceNotFound, WorkflowError, WorkflowTimeoutError
from workflows.testing import replay

pytestmark = pytest.mark.anyio


@dataclass
class Receipt:
    id: str
    cents: int


async def pay(amount: int) -> Receipt:
    return Receipt("r", amount)


async def fails() -> None:
    raise ValueError("broken")


async def shop(event: Event, step: Step) -> str:
    receipt = await step.do("pay", pay, event.payload["amount"])
    await step.sleep("nap", 60)
    try:
        await step.do("fail", fails, retries={"limit": 1, "delay": 5})
    except ValueError:
        await step.do("fail", lambda: None)
    try:
        await step.wait_for_event("w", "go", timeout=30)
    except WorkflowTimeoutError:
        return receipt.id
    return "never"


async def test_an_export_says_what_happened(world: World) -> None:
    async with world.started(shop, {"amount": 5}) as instance:
        await ended(instance)
        history = await instance.export()
    assert history | {"entries": []} == {
        "format": "perdure.history",
        "version": 1,
        "workflow": "Flow",
        "id": "i",
        "status": "complete",
        "created_at": world.started_at,
        "finished_at": world.started_at + 95,
        "params": {"amount": 5},
        "output": "r",
        "entries": [],
    }
    shown = [
        (one["kind"], one["name"], one["occurrence"], one["state"], one["attempts"])
        for one in history["entries"]
    ]
    assert shown == [
        ("do", "pay", 1, "done", 1),
        ("sleep", "nap", 1, "done", 0),
        ("do", "fail", 1, "failed", 2),
        ("do", "fail", 2, "done", 1),
        ("wait", "w", 1, "failed", 0),
    ]
    assert history["entries"][0]["result"] == {"$": "typed", "v": {"id": "r", "cents": 5}}
    assert history["entries"][2]["error"]["message"] == "broken"
    assert history["entries"][3]["result"] is None
    assert "result" not in history["entries"][4]


VALUES: list[Any] = [
    None,
    2**70,
    -0.0,
    0.1 + 0.2,
    1e22,
    math.inf,
    "\ud800 \x00 ü",
    {"$": "v", "b": [1, (2, {3})]},
    b"\x00\xff",
    datetime(2026, 1, 1, tzinfo=UTC),
]


async def test_every_value_comes_back_from_the_document_exactly(world: World) -> None:
    seen: list[Any] = []

    async def run(event: Event, step: Step) -> None:
        seen.append([await step.do("v", lambda value=value: value) for value in VALUES])

    async with world.started(run) as instance:
        await ended(instance)
        history = json.loads(json.dumps(await instance.export()))
    await replay(workflow(run), history)
    first, again = seen
    assert repr(again) == repr(first) == repr(VALUES)


async def test_a_typed_value_keeps_integers_that_json_libraries_round(world: World) -> None:
    seen: list[Receipt] = []

    async def run(event: Event, step: Step) -> None:
        seen.append(await step.do("pay", pay, 2**70 + 1))

    async with world.started(run) as instance:
        await ended(instance)
        history = json.loads(json.dumps(await instance.export()))
    await replay(workflow(run), history)
    assert seen == [Receipt("r", 2**70 + 1)] * 2


async def keeps_secrets(event: Event, step: Step) -> int:
    secret = await step.do("secret", lambda: "hush", sensitive="output")
    return await step.do("length", lambda: len(secret))


async def test_sensitive_outputs_are_left_out_unless_asked_for(world: World) -> None:
    async with world.started(keeps_secrets) as instance:
        await ended(instance)
        redacted, whole = await instance.export(), await instance.export(sensitive=True)
    assert "hush" not in json.dumps(redacted)
    assert redacted["entries"][0]["redacted"] is True
    assert whole["entries"][0]["result"] == "hush"
    assert "redacted" not in whole["entries"][0]
    assert redacted["entries"][1] == whole["entries"][1]


async def test_an_unfinished_instance_is_exported_as_far_as_it_is(world: World) -> None:
    async with world.started(shop, {"amount": 5}) as instance:
        await world.later(1)
        history = await instance.export()
    assert history["status"] == "waiting"
    assert "output" not in history
    assert [(one["name"], one["state"]) for one in history["entries"]] == [
        ("pay", "done"),
        ("nap", "waiting"),
    ]


async def test_what_does_not_exist_is_not_exported(world: World) -> None:
    async with world.started(shop, {"amount": 5}):
        with pytest.raises(InstanceNotFound):
            await world.engine.workflow("Flow").get("j").export()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "no history of version 1"),
        ({"format": "other"}, "no history of version 1"),
        ({"entries": [{"kind": "unknown", "name": "a", "occurrence": 1}]}, "is damaged"),
        ({"entries": None}, "is damaged"),
    ],
    ids=["version", "format", "kind", "entries"],
)
async def test_what_is_no_history_is_refused(world: World, change: dict[str, Any], said: str) -> None:
    async with world.started(shop, {"amount": 5}) as instance:
        history = await instance.export() | change
    with pytest.raises(WorkflowError, match=said):
        await replay(workflow(shop), history)
