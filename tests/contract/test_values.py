"""What a step may return: replay gives what the first run saw, or the value is refused at once."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from tests.contract.world import Event, Step, World

pytestmark = pytest.mark.anyio


async def both_runs(world: World, call: Any, **options: Any) -> list[Any]:
    """What the program sees of a step's result on the first run, and on a replay that was alike."""
    seen: list[Any] = []

    async def run(event: Event, step: Step) -> None:
        seen.append(await step.do("s", call, **options))
        await step.sleep("z", 10)

    assert (await world.run_twice(run)).error is None
    first, again, *later = seen  # one more when the sleep was parked
    assert [(type(one), repr(one)) for one in later] == [(type(again), repr(again))] * len(later)
    return [first, again]


@pytest.mark.parametrize(
    "value", [0, "", [], {}, None, b"", False, 0.0, (), set(), frozenset(), timedelta(0)]
)
async def test_falsy_values_come_back(world: World, value: Any) -> None:
    calls: list[int] = []

    def call() -> Any:
        calls.append(1)
        return value

    first, again = await both_runs(world, call)
    assert (first, again, calls) == (value, value, [1])
    assert type(first) is type(again) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        2**70,
        math.inf,
        {"a": [1, {"b": (1, "x")}]},
        {1, 2},
        b"\x00\xff",
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        date(2026, 1, 2),
        time(1, 2, 3),
        timedelta(days=1, microseconds=1),
        UUID(int=7),
        Decimal("1.10"),
        {"$": "not a tag", "v": 1},
        "\ud800 lone",
    ],
)
async def test_plain_values_come_back_exactly(world: World, value: Any) -> None:
    first, again = await both_runs(world, lambda: value)
    assert (first, again) == (value, value)
    assert type(first) is type(again) is type(value)


async def test_nan_comes_back(world: World) -> None:
    assert all(math.isnan(value) for value in await both_runs(world, lambda: math.nan))


class Receipt(BaseModel):
    transaction: str
    items: list[Decimal]


@dataclasses.dataclass
class Point:
    x: int
    at: datetime


RECEIPT = Receipt(transaction="t", items=[Decimal("1.5")])
POINT = Point(1, datetime(2026, 1, 1, tzinfo=UTC))


async def buy() -> Receipt:
    return RECEIPT


async def points() -> list[Point]:
    return [POINT]


@pytest.mark.parametrize(
    ("call", "options", "value"),
    [
        (buy, {}, RECEIPT),
        (points, {}, [POINT]),
        (lambda: RECEIPT, {"result": Receipt}, RECEIPT),
        (lambda: {"a": POINT}, {"result": dict[str, Point]}, {"a": POINT}),
    ],
)
async def test_typed_values_come_back_as_their_type(
    world: World, call: Any, options: Any, value: Any
) -> None:
    assert await both_runs(world, call, **options) == [value, value]


async def test_the_first_run_sees_a_copy_too(world: World) -> None:
    original = [1]
    first, _ = await both_runs(world, lambda: original)
    assert first is not original


class Opaque:
    pass


@pytest.mark.parametrize(
    "value",
    [Opaque(), lambda: 1, {"f": print}, RECEIPT, POINT, {1: "int key"}, iter(())],
)
async def test_anything_else_ends_the_instance_past_every_except(world: World, value: Any) -> None:
    calls: list[int] = []

    async def returned() -> Any:
        calls.append(1)
        return value

    async def run(event: Event, step: Step) -> str:
        with contextlib.suppress(BaseException):
            await step.do("s", returned)
        await step.do("after", lambda: calls.append(2))
        return "went on"

    status = await world.run(run)
    assert status.error is not None
    assert (status.status, calls, status.error.name) == ("errored", [1], "WorkflowFatalError")
    assert status.error.message == (
        'The execution of the Workflow instance was terminated, as the step "s" returned a value which '
        "is not serialisable"
    )


async def test_the_attempt_says_what_was_returned_and_what_to_write(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: {"deep": [Opaque()]})

    async with world.started(run) as instance:
        [error] = [event.error async for event in instance.subscribe() if event.type == "attempt_errored"]
    assert error is not None
    assert error.message.startswith('Value returned from step "s" is not serialisable')
    assert "value['deep'][0] is a" in error.message
    assert "Opaque" in error.message


async def test_an_output_that_cannot_be_stored_errors_the_instance(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return Opaque()

    status = await world.run(run)
    assert status.error is not None
    assert status.status == "errored"
    assert "Opaque" in status.error.message


async def test_an_output_may_be_typed_by_the_annotation_of_run(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return {"at": POINT.at, "tags": {"a"}}

    assert (await world.run(run)).output == {"at": POINT.at, "tags": {"a"}}


async def test_a_value_above_the_limit_is_refused_with_advice(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("big", lambda: "x" * (1 << 20))

    async with world.started(run) as instance:
        [error] = [event.error async for event in instance.subscribe() if event.type == "attempt_errored"]
    assert error is not None
    assert "1,048,576" in error.message


async def test_a_sensitive_output_is_not_shown(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", lambda: "secret", sensitive="output")

    async with world.started(run) as instance:
        shown = [event.output async for event in instance.subscribe() if event.type == "step_completed"]
        assert (shown, await instance.result()) == (["[REDACTED]"], "secret")
