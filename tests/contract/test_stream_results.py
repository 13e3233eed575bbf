"""Results that are streamed to the disk: written once, read as often as one likes, alike on every run."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.world import ONCE, Event, Step, World, ended, workflow
from workflows import Engine, InstanceStatus, StepContext, StepStream, StoreError
from workflows.streams.chunks import ROW

pytestmark = pytest.mark.anyio

MIB = 1 << 20


def mixed(size: int) -> bytes:
    """Bytes of which no row is like another."""
    return random.Random(size).randbytes(size)


async def both_runs(world: World, call: Any, **options: Any) -> list[bytes]:
    """What the program reads of a streamed result on the first run, and on the last replay."""
    seen: list[bytes] = []

    async def run(event: Event, step: Step) -> None:
        stream = await step.do("s", call, **options)
        assert isinstance(stream, StepStream)
        seen.append(await stream.read())
        assert stream.size == len(seen[-1])
        await step.sleep("z", 100)

    assert (await world.run_twice(run)).error is None
    return [seen[0], seen[-1]]


async def generated() -> AsyncIterator[bytes]:
    for number in range(5):
        yield bytes([number]) * 200_000


GENERATED = b"".join(bytes([number]) * 200_000 for number in range(5))


async def returned() -> AsyncIterator[bytes]:
    return generated()


def from_a_thread() -> AsyncIterator[bytes]:
    return generated()


class Plain:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self.left = [GENERATED]

    def __aiter__(self) -> Plain:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


@pytest.mark.parametrize("call", [generated, returned, from_a_thread, lambda: _chunked(GENERATED), Plain])
async def test_a_stream_reads_alike_on_the_first_run_and_on_a_replay(
    world: World, call: Callable[[], Any]
) -> None:
    assert await both_runs(world, call) == [GENERATED, GENERATED]


async def test_a_generator_may_yield_whatever_is_like_bytes_and_use_its_buffer_again(world: World) -> None:
    async def several() -> AsyncIterator[Any]:
        buffer = bytearray(b"abc")
        yield buffer
        buffer[:] = b"def"
        yield buffer
        yield memoryview(b"ghijkl")[::2]
        yield b""

    assert await both_runs(world, several) == [b"abcdefgik"] * 2


async def test_an_empty_stream_is_a_stream(world: World) -> None:
    assert await both_runs(world, _chunked) == [b"", b""]


async def test_each_iteration_starts_anew_and_gives_the_same_chunks_on_a_replay(world: World) -> None:
    seen: list[list[int]] = []

    async def run(event: Event, step: Step) -> None:
        stream = await step.do("s", generated)
        async for chunk in stream:
            assert chunk == GENERATED[: len(chunk)]
            break
        lengths = [len(chunk) async for chunk in stream]
        seen.extend([lengths, [len(chunk) async for chunk in stream]])
        await step.sleep("z", 100)

    assert (await world.run_twice(run)).error is None
    assert len(seen) >= 4
    assert seen == [[ROW, ROW, ROW, len(GENERATED) - 3 * ROW]] * len(seen)


async def test_pitfall_12_what_a_failed_attempt_has_streamed_is_not_in_the_result(world: World) -> None:
    async def flaky(ctx: StepContext) -> AsyncIterator[bytes]:
        yield b"x" * (3 * MIB)
        if ctx.attempt == 1:
            raise ConnectionError("once")
        yield b"y"

    expected = b"x" * (3 * MIB) + b"y"
    assert await both_runs(world, flaky, retries={"limit": 1, "delay": 1}) == [expected, expected]


async def test_a_later_attempt_may_be_shorter_or_no_stream_at_all(world: World) -> None:
    async def run(event: Event, step: Step) -> list[Any]:
        async def breaking() -> AsyncIterator[bytes]:
            yield b"x" * (3 * MIB)
            raise ConnectionError("once")

        async def short() -> AsyncIterator[bytes]:
            yield b"short"

        retries: Any = {"limit": 1, "delay": 1}
        second = {"stream": short, "value": lambda: 7}
        results: list[Any] = []
        for name, then in second.items():
            results.append(await step.do(name, _first(breaking, then), retries=retries))
        return [await results[0].read(), results[1]]

    def _first(breaking: Any, then: Any) -> Any:
        return lambda ctx: breaking() if ctx.attempt == 1 else then()

    assert (await world.run(run)).output == [b"short", 7]


async def _chunked(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


async def _read_already() -> AsyncIterator[bytes]:
    stream = _chunked(b"x")
    assert [chunk async for chunk in stream] == [b"x"]
    return stream


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: _chunked(b"x", "text"), "chunk 2 of the stream is a str"),
        (lambda: _chunked(None), "chunk 1 of the stream is a NoneType"),
        (lambda: _chunked(bytes(16 * MIB + 1)), "is 16,777,217 bytes and the limit is 16,777,216"),
        (lambda: _chunked(*[bytes(MIB)] * 21), "more than 20,971,520 bytes: raise the limit by `Engine("),
        (lambda: bytes(20 * MIB + 1), "stream_limit="),
        (_read_already, "return a new one"),
    ],
)
async def test_what_is_no_stream_of_bytes_ends_the_instance_past_every_except(
    world: World, call: Any, says: str
) -> None:
    attempts: list[int] = []

    async def counting(ctx: StepContext) -> Any:
        attempts.append(ctx.attempt)
        made = call()
        return await made if asyncio.iscoroutine(made) else made

    async def run(event: Event, step: Step) -> str:
        with contextlib.suppress(BaseException):
            await step.do("s", counting)
        return "went on"

    flow = workflow(run)
    async with Engine(world.path, [flow], clock=world.clock, stream_limit=20 * MIB) as engine:
        instance = await engine.workflow(flow).create()
        [error] = [event.error async for event in instance.subscribe() if event.type == "attempt_errored"]
        status = await instance.status()
    assert status.error is not None
    assert error is not None
    assert (status.status, attempts, status.error.name) == ("errored", [1], "WorkflowFatalError")
    assert status.error.message.endswith('as the step "s" returned a value which is not serialisable')
    assert says in error.message


@pytest.mark.parametrize("size", [16 * MIB, 20 * MIB])
async def test_the_limits_themselves_are_allowed(world: World, size: int) -> None:
    async def run(event: Event, step: Step) -> int:
        whole: bytes = await step.do("bytes", lambda: bytes(size))
        stream: StepStream = await step.do(
            "stream", lambda: _chunked(bytes(16 * MIB), bytes(size - 16 * MIB))
        )
        return len(whole) + stream.size

    flow = workflow(run)
    async with Engine(world.path, [flow], clock=world.clock, stream_limit=20 * MIB) as engine:
        assert await (await engine.workflow(flow).create()).result() == 2 * size


async def test_the_time_limit_covers_the_generator_and_closes_it(world: World) -> None:
    seen: list[str] = []

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"x" * MIB
            await world.clock.sleep(100)
            yield b"never"
        finally:
            seen.append("closed")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", slow, timeout=10, retries=ONCE)

    status = await world.run(run)
    assert (status.error and status.error.name, seen) == ("WorkflowTimeoutError", ["closed"])


async def test_terminate_closes_the_generator(world: World) -> None:
    seen: list[str] = []

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"x" * MIB
            await world.clock.sleep(1_000)
        finally:
            seen.append("closed")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", slow)

    async with world.started(run) as instance:
        await world.later(5)
        assert seen == []
        await instance.terminate()
        assert (await instance.status()).status == "terminated"
    assert seen == ["closed"]


async def test_a_generator_that_ignores_its_end_writes_nothing_into_the_next_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.attempt._GRACE", 0.01)
    left, gone = asyncio.Event(), asyncio.Event()

    async def stubborn(ctx: StepContext) -> AsyncIterator[bytes]:
        if ctx.attempt == 2:
            yield b"new" * MIB
            left.set()
            await gone.wait()
            yield b"new" * MIB
            return
        yield b"old" * MIB
        while not left.is_set():
            with contextlib.suppress(asyncio.CancelledError), world.clock.waiting():
                await left.wait()
        try:
            yield b"old" * MIB
        finally:
            gone.set()

    async def run(event: Event, step: Step) -> bool:
        stream = await step.do("s", stubborn, timeout=10, retries={"limit": 1, "delay": 1})
        return await stream.read() == b"new" * 2 * MIB

    assert (await world.run(run)).output is True


@pytest.mark.parametrize(
    "size", [0, ROW - 1, ROW, ROW + 1, 2 * ROW, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 5 * MIB + 3]
)
async def test_pitfall_16_bytes_of_every_size_come_back_as_equal_bytes(world: World, size: int) -> None:
    seen: list[Any] = []

    async def run(event: Event, step: Step) -> None:
        seen.append(await step.do("s", lambda: mixed(size)))
        await step.sleep("z", 10)

    assert (await world.run_twice(run)).error is None
    assert len(seen) >= 2
    assert seen == [mixed(size)] * len(seen)
    assert {type(value) for value in seen} == {bytes}


SIZES = st.one_of(
    st.integers(0, 8),
    st.builds(
        lambda rows, more: max(0, rows * ROW + more), st.sampled_from([1, 2, 7, 8, 9, 16]), st.integers(-2, 2)
    ),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SIZES, max_size=4))
def test_pitfall_16_chunks_of_every_size_come_back_in_order(sizes: list[int]) -> None:
    content = mixed(sum(sizes))

    async def pieces() -> AsyncIterator[bytes]:
        place = 0
        for size in sizes:
            yield content[place : place + size]
            place += size

    assert asyncio.run(both_runs(World(":memory:"), pieces)) == [content, content]


async def test_an_event_shows_the_size_and_a_sensitive_one_shows_nothing(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("stream", generated)
        await step.do("bytes", lambda: bytes(MIB))
        await step.do("secret", generated, sensitive="output")

    async with world.started(run) as instance:
        shown = [event.output async for event in instance.subscribe() if event.type == "step_completed"]
    assert shown == [{"stream": len(GENERATED)}, {"stream": MIB}, "[REDACTED]"]


async def test_a_stream_may_be_given_to_a_step_and_returned_by_it(world: World) -> None:
    async def run(event: Event, step: Step) -> bytes:
        first: StepStream = await step.do("first", lambda: _chunked(b"one"))
        second = await step.do("second", lambda: first)
        assert second is not first
        return await second.read()

    assert (await world.run(run)).output == b"one"


async def test_a_stream_as_the_output_of_run_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> StepStream:
        return await step.do("s", generated)

    status = await world.run(run)
    assert status.error is not None
    assert "StepStream" in status.error.message


async def test_a_stream_that_restart_took_away_says_so(world: World) -> None:
    held: list[StepStream] = []

    async def run(event: Event, step: Step) -> None:
        if not held:
            held.append(await step.do("s", generated))
        await step.wait_for_event("w", "go")

    async with world.started(run) as instance:
        await world.later(5)
        assert await held[0].read() == GENERATED
        await instance.restart()
        with pytest.raises(StoreError, match="the stream of step s-1 is gone"):
            await held[0].read()


async def test_a_stream_outlives_its_engine(durable: World) -> None:
    seen: list[bytes] = []

    async def run(event: Event, step: Step) -> None:
        seen.append(await (await step.do("s", generated)).read())
        await step.sleep("z", 10)

    async with durable.started(run):
        await durable.later(5)
    async with durable.reopened(run) as instance:
        status: InstanceStatus = await ended(instance)
    assert (status.status, seen) == ("complete", [GENERATED] * len(seen))


async def test_a_large_stream_is_never_in_memory_as_a_whole(durable: World) -> None:
    chunk, chunks = bytes(range(256)) * 2_048, 96  # 48 MiB
    peaks: list[int] = []

    async def large() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield chunk

    async def run(event: Event, step: Step) -> None:
        tracemalloc.reset_peak()
        stream = await step.do("s", large)
        size = 0
        async for row in stream:
            size += len(row)
        peaks.append(tracemalloc.get_traced_memory()[1])
        assert size == stream.size == chunks * len(chunk)

    tracemalloc.start()
    try:
        assert (await durable.run(run)).error is None
    finally:
        tracemalloc.stop()
    assert peaks[0] < 16 * MIB


async def test_a_damaged_stream_is_not_returned(durable: World) -> None:
    errors: list[str] = []

    async def run(event: Event, step: Step) -> None:
        stream = await step.do("s", generated)
        sql = "UPDATE chunk SET data = zeroblob(length(data)) WHERE place = -2"
        await durable.engine.store.write(lambda connection: connection.execute(sql).rowcount)
        with pytest.raises(StoreError) as refused:
            await stream.read()
        errors.append(str(refused.value))

    assert (await durable.run(run)).error is None
    assert errors == ["the stream of step s-1 is damaged: restore the file from a backup"]


async def kept_rows(world: World) -> int:
    [(count,)] = await world.engine.store.read("SELECT count(*) FROM chunk")
    return int(count)


async def test_attempts_that_came_to_nothing_leave_nothing_in_the_file(durable: World) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield bytes(3 * MIB)
        raise ConnectionError("always")

    async def run(event: Event, step: Step) -> None:
        with contextlib.suppress(ConnectionError):
            await step.do("s", breaking, retries={"limit": 1, "delay": 1})
        with contextlib.suppress(ConnectionError):
            await step.do("t", breaking, retries=ONCE)

    async with durable.started(run) as instance:
        await ended(instance)
        assert await kept_rows(durable) == 0


async def test_rows_that_a_crash_left_behind_go_when_the_step_is_tried_again(durable: World) -> None:
    calls: list[int] = []

    async def crashing() -> Any:
        calls.append(1)
        if len(calls) > 1:
            return 7
        return _blocked()

    async def _blocked() -> AsyncIterator[bytes]:
        yield bytes(3 * MIB)
        await durable.clock.sleep(1_000_000)

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", crashing)

    async with durable.started(run) as instance:
        await durable.later(5)
        assert await kept_rows(durable) == 12
        await durable.engine.replay()
        assert await instance.result() == 7
        assert await kept_rows(durable) == 0


async def test_restart_takes_the_chunks_out_of_the_file(durable: World) -> None:
    async def run(event: Event, step: Step) -> None:
        if len(lives) == 1:
            await step.do("s", generated)
        await step.wait_for_event("w", "go")

    lives = [1]
    async with durable.started(run) as instance:
        await durable.later(5)
        assert await kept_rows(durable) == 4
        lives.append(2)
        await instance.restart()
        assert await kept_rows(durable) == 0


@pytest.mark.parametrize(("size", "fits"), [(MIB - 3, True), (MIB - 2, True), (MIB - 1, False)])
async def test_pitfall_16_a_value_at_its_limit_comes_back_or_is_refused(
    world: World, size: int, *, fits: bool
) -> None:
    seen: list[str] = []

    async def run(event: Event, step: Step) -> None:
        seen.append(await step.do("s", lambda: "x" * size))
        await step.sleep("z", 10)

    status = await world.run_twice(run)
    assert (status.status == "complete", len(seen) >= 2) == (fits, fits)
    assert seen == ["x" * size] * len(seen)


async def test_a_generator_whose_chunk_is_refused_is_closed(world: World) -> None:
    seen: list[str] = []
    held: list[Any] = []

    async def wrong() -> AsyncIterator[Any]:
        try:
            yield "text"
        finally:
            seen.append("closed")

    def kept() -> Any:
        held.append(wrong())  # so that it is not closed by being forgotten
        return held[0]

    async def run(event: Event, step: Step) -> None:
        await step.do("s", kept)

    assert (await world.run(run)).status == "errored"
    assert seen == ["closed"]


@pytest.mark.parametrize("sensitive", [False, True])
async def test_an_export_leaves_streams_out(world: World, *, sensitive: bool) -> None:
    async def run(event: Event, step: Step) -> int:
        return (await step.do("s", generated)).size + await step.do("t", lambda: 1)

    async with world.started(run) as instance:
        assert await instance.result() == len(GENERATED) + 1
        stream, value = (await instance.export(sensitive=sensitive))["entries"]
    assert (stream.get("result"), stream["redacted"], value["result"]) == (None, True, 1)


async def test_a_rollback_gets_what_the_step_has_streamed(world: World) -> None:
    seen: list[Any] = []

    async def undo_stream(undone: Any) -> None:
        seen.append(await undone.output.read())

    async def undo_bytes(undone: Any) -> None:
        seen.append(undone.output)

    async def run(event: Event, step: Step) -> None:
        await step.do("stream", generated, rollback=undo_stream)
        await step.do("bytes", lambda: mixed(MIB), rollback=undo_bytes)
        raise ConnectionError("after both")

    status = await world.run(run)
    assert (status.rollback and status.rollback.outcome, seen) == ("complete", [mixed(MIB), GENERATED])


async def test_a_compensation_does_not_stream(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do(
            "s", lambda: 1, rollback=lambda undone: step.progress("x"), rollback_config={"retries": ONCE}
        )
        raise ConnectionError("after it")

    status = await world.run(run)
    assert status.rollback is not None
    assert status.rollback.error is not None
    assert "only the function of step.do streams" in status.rollback.error.message
