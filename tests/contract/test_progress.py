"""What a step tells while it runs: in order, once, resumable by offset; a retry is a reset."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, workflow
from workflows import (
    AttemptEnded,
    Engine,
    EngineClosed,
    InstanceNotFound,
    NotStorable,
    StepContext,
    Streamed,
    StreamPart,
    StreamReset,
    WorkflowError,
    WorkflowFatalError,
    WorkflowInstance,
)

pytestmark = pytest.mark.anyio

Item = StreamPart | StreamReset
TWICE: Any = {"limit": 1, "delay": 10}


async def told(instance: WorkflowInstance, name: str = "s", **options: Any) -> list[Item]:
    """All that a step has told, and will tell."""
    return [item async for item in instance.stream(name, **options)]


def shown(items: list[Item]) -> list[Any]:
    """What a reader has on the screen when it follows the rules."""
    values: list[Any] = []
    for item in items:
        if isinstance(item, StreamReset):
            values.clear()
        else:
            values.append(item.value)
    return values


async def count_to(ctx: StepContext, last: int) -> None:
    for number in range(1, last + 1):
        await ctx.stream(number)


async def flaky(ctx: StepContext) -> str:
    """Tells three things, fails, and tells two."""
    await count_to(ctx, 3 if ctx.attempt == 1 else 2)
    if ctx.attempt == 1:
        raise ConnectionError("once")
    return "done"


FLAKY = [
    StreamPart(1, 1, 1),
    StreamPart(2, 1, 2),
    StreamPart(3, 1, 3),
    StreamReset(4, 2),
    StreamPart(5, 2, 1),
    StreamPart(6, 2, 2),
]


async def run_flaky(event: Event, step: Step) -> None:
    await step.do("s", flaky, retries=TWICE)


async def test_a_reader_may_come_before_the_step_and_ends_with_it(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("first", 10)
        await step.do("s", lambda ctx: count_to(ctx, 3))
        await step.wait_for_event("w", "go")

    async with world.started(run) as instance:
        items = await told(instance)
        assert items == [StreamPart(number, 1, number) for number in (1, 2, 3)]
        await world.later(1)
        assert (await instance.status()).status == "waiting"


async def test_an_awaited_part_is_read_while_the_step_still_runs(world: World) -> None:
    seen = asyncio.Event()

    async def tell(ctx: StepContext) -> None:
        assert await ctx.stream("first") == 1
        await seen.wait()
        assert await ctx.stream("second") == 2

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        items: list[Item] = []
        async for item in instance.stream("s"):
            items.append(item)
            seen.set()
    assert items == [StreamPart(1, 1, "first"), StreamPart(2, 1, "second")]


async def test_pitfall_12_a_retried_step_shows_a_reset_and_never_doubled_text(world: World) -> None:
    async with world.started(run_flaky) as instance:
        live = await told(instance)
        assert live == await told(instance) == FLAKY
    assert shown(live) == [1, 2]


async def test_a_reader_that_comes_back_gets_exactly_what_follows(world: World) -> None:
    async with world.started(run_flaky) as instance:
        await ended(instance)
        for offset in range(len(FLAKY) + 1):
            assert await told(instance, offset=offset) == FLAKY[offset:]


async def test_a_reader_that_comes_back_between_the_attempts_gets_the_reset(world: World) -> None:
    async with world.started(run_flaky) as instance:
        await world.later(5)
        first: list[Item] = []
        async with aclosing(instance.stream("s")) as reader:  # type: ignore[type-var]  # it is a generator
            async for item in reader:
                first.append(item)
                if len(first) == 3:
                    break
        rest = await told(instance, offset=first[-1].offset)
    assert first + rest == FLAKY


async def test_an_attempt_that_tells_nothing_is_a_reset_too(world: World) -> None:
    async def fading(ctx: StepContext) -> None:
        if ctx.attempt == 1:
            await ctx.stream("old")
        if ctx.attempt < 3:
            raise ConnectionError("twice")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", fading, retries={"limit": 2, "delay": 1})

    async with world.started(run) as instance:
        items = await told(instance)
        assert items == await told(instance)
    assert items == [StreamPart(1, 1, "old"), StreamReset(2, 2), StreamReset(3, 3)]


async def test_what_the_last_attempt_told_stays_when_the_step_fails(world: World) -> None:
    async def failing(ctx: StepContext) -> None:
        await ctx.stream("half")
        raise ConnectionError("always")

    async def run(event: Event, step: Step) -> str:
        with contextlib.suppress(ConnectionError):
            await step.do("s", failing, retries=ONCE)
        return (await step.wait_for_event("w", "go")).payload  # type: ignore[no-any-return]

    async with world.started(run) as instance:
        assert await told(instance) == [StreamPart(1, 1, "half")]


@pytest.mark.parametrize("value", [0, "", [], {}, None, b"", False, 0.0, ()])
async def test_pitfall_38_falsy_values_are_values_everywhere(world: World, value: Any) -> None:
    seen: list[Any] = []

    async def tell(ctx: StepContext) -> Any:
        await ctx.stream(value)
        return value

    async def run(event: Event, step: Step) -> Any:
        received = await step.wait_for_event("w", "go")
        seen.append((event.payload, received.payload, await step.do("s", tell)))
        return value

    async with world.started(run, params=value) as instance:
        await instance.send_event("go", value)
        output = await instance.result()
        [part] = await told(instance)
        assert isinstance(part, StreamPart)
        [completed] = [e.output async for e in instance.subscribe() if e.type == "step_completed"]
        status = (await instance.status()).output
    values = [*seen[0], output, part.value, completed, status]
    assert values == [value] * 7
    assert {type(one) for one in values} == {type(value)}


async def test_parts_that_nobody_awaits_keep_their_order_and_come_before_the_end(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        for number in range(900):
            ctx.stream(number)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        await ended(instance)
        assert shown(await told(instance)) == list(range(900))


async def test_parts_of_a_failed_attempt_that_nobody_awaited_are_kept_too(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        for number in range(5):
            ctx.stream(number)
        raise ConnectionError("always")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell, retries=ONCE)

    async with world.started(run) as instance:
        await ended(instance)
        assert shown(await told(instance)) == list(range(5))


async def test_a_thread_tells_in_order_and_may_wait(world: World) -> None:
    def tell(ctx: StepContext) -> list[int]:
        parts = []
        for number in range(2_500):  # more than may be unwritten: the thread is held back
            parts.append(ctx.stream(number))
            if number >= 1_000:
                assert parts[number - 1_000].result(timeout=0) == number - 999
        return [ctx.stream("a").result(), ctx.stream("b").result(timeout=30)]

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", tell)

    async with world.started(run) as instance:
        assert await instance.result() == [2_501, 2_502]
        assert shown(await told(instance)) == [*range(2_500), "a", "b"]


async def test_threads_that_tell_at_once_lose_and_double_nothing(world: World) -> None:
    def tell(ctx: StepContext) -> None:
        def some(first: int) -> None:
            for number in range(first, first + 200):
                ctx.stream(number)

        threads = [threading.Thread(target=some, args=(200 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        items = await told(instance)
    assert [item.offset for item in items] == list(range(1, 801))  # pitfall 11: no place twice, none left out
    assert sorted(shown(items)) == list(range(800))
    assert [value for value in shown(items) if value < 200] == list(range(200))


async def test_pitfall_11_many_tasks_tell_at_once(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        async def tell(ctx: StepContext) -> None:
            await asyncio.gather(*(ctx.stream(number) for number in range(300)))

        await asyncio.gather(*(step.do(f"s{number}", tell) for number in range(3)))

    async with world.started(run) as instance:
        for number in range(3):
            items = await told(instance, f"s{number}")
            assert items == [StreamPart(place + 1, 1, place) for place in range(300)]


async def test_progress_finds_its_attempt_from_any_depth(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        async def deep(value: str) -> None:
            await step.progress(value)

        async def inner() -> None:
            await deep("inner")

        async def outer() -> None:
            await deep("here")
            await asyncio.create_task(deep("in a child task"))
            await step.do("inner", inner)
            await deep("after the inner step")

        def threaded() -> None:
            step.progress("in a thread").result()

        await step.do("outer", outer)
        await step.do("threaded", threaded)

    async with world.started(run) as instance:
        await ended(instance)
        assert shown(await told(instance, "outer")) == ["here", "in a child task", "after the inner step"]
        assert shown(await told(instance, "inner")) == ["inner"]
        assert shown(await told(instance, "threaded")) == ["in a thread"]


async def test_progress_outside_of_a_function_says_where_it_belongs(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("s", lambda: 1)
        with pytest.raises(WorkflowError, match=r"step\.progress\(\) is for the function"):
            step.progress("x")
        with pytest.raises(WorkflowError, match="belongs to none"):
            StepContext(None, 1, {}).stream("x")  # type: ignore[arg-type]  # the step does not matter
        return "went on"

    assert (await world.run(run)).output == "went on"


async def test_a_delay_function_does_not_stream(world: World) -> None:
    async def failing() -> None:
        raise ConnectionError("always")

    async def run(event: Event, step: Step) -> None:
        def delay(failed: Any) -> float:
            step.progress("x")
            return 1

        await step.do("s", failing, retries={"limit": 1, "delay": delay})

    status = await world.run(run)
    assert status.error is not None
    assert "a delay function does not" in status.error.message


async def test_what_an_attempt_tells_after_its_end_is_refused(world: World) -> None:
    contexts: list[StepContext] = []
    refused: list[str] = []

    async def late(ctx: StepContext) -> None:
        contexts.append(ctx)
        if ctx.attempt == 2:
            try:
                contexts[0].stream("late")
            except AttemptEnded as error:
                refused.append(str(error))
            await ctx.stream("in time")
        else:
            raise ConnectionError("once")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", late, retries=TWICE)
        with pytest.raises(AttemptEnded):
            contexts[1].stream("after the step")

    async with world.started(run) as instance:
        assert (await ended(instance)).error is None
        assert await told(instance) == [StreamPart(1, 2, "in time")]
    assert refused == ["the attempt of step s-1 that streams this is over: what it streams now is dropped"]


async def test_what_a_thread_tells_while_the_attempt_ends_is_not_written_later(world: World) -> None:
    parts: list[Streamed] = []

    async def tell(ctx: StepContext) -> None:
        thread = threading.Thread(target=lambda: parts.append(ctx.stream("late")))
        thread.start()
        thread.join()  # the loop stands still, so the part is not on its way yet
        raise ConnectionError("always")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell, retries=ONCE)

    async with world.started(run) as instance:
        await ended(instance)
        assert await told(instance) == []
        with pytest.raises(AttemptEnded):
            await parts[0]


async def test_a_thread_whose_time_is_up_tells_nothing_more(world: World) -> None:
    go, over = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def slow(ctx: StepContext) -> None:
        ctx.stream("in time").result()
        go.wait(20)
        try:
            ctx.stream("late")
        except AttemptEnded as error:
            errors.append(error)
        over.set()

    async def run(event: Event, step: Step) -> None:
        await step.do("s", slow, retries=ONCE)

    async with world.started(run) as instance:
        async with aclosing(instance.stream("s")) as reader:  # type: ignore[type-var]  # it is a generator
            async for _ in reader:
                break
        await instance.terminate()
        go.set()
        assert await asyncio.to_thread(over.wait, 20)
        assert shown(await told(instance)) == ["in time"]
    assert len(errors) == 1


async def test_only_plain_values_of_a_limited_size_are_told(world: World) -> None:
    refused: list[str] = []

    async def tell(ctx: StepContext) -> None:
        for value in (object(), "x" * (1 << 20), {1: 2}):
            try:
                ctx.stream(value)
            except NotStorable as error:
                refused.append(str(error))
        await ctx.stream("x" * ((1 << 20) - 2))

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        assert (await ended(instance)).error is None
        assert len(await told(instance)) == 1
    assert "is a object" in refused[0]
    assert "a part that step s-1 streams is 1,048,578 bytes and the limit is 1,048,576" in refused[1]
    assert "str keys" in refused[2]


async def test_an_attempt_may_not_tell_more_than_the_stream_limit(world: World) -> None:
    attempts: list[int] = []

    async def tell(ctx: StepContext) -> None:
        attempts.append(ctx.attempt)
        for _ in range(3):
            await ctx.stream("x" * 400)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    flow = workflow(run)
    async with Engine(world.path, [flow], clock=world.clock, stream_limit=1_000) as engine:
        status = await ended(await engine.workflow(flow).create())
    assert status.error is not None
    assert "streamed more than 1,000 bytes: raise the limit by `Engine(…, stream_limit=…)`" in (
        status.error.message
    )
    assert attempts == [1]


async def test_a_loop_that_never_awaits_is_told_to(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        for number in range(2_000):
            ctx.stream(number)

    async def run(event: Event, step: Step) -> None:
        with pytest.raises(WorkflowFatalError, match=r"await ctx\.stream"):
            await step.do("s", tell)

    async with world.started(run) as instance:
        assert (await ended(instance)).error is None
        assert shown(await told(instance)) == list(range(1_000))


async def test_waiting_for_a_part_on_the_loop_does_not_block_it_for_ever(world: World) -> None:
    async def tell(ctx: StepContext) -> int:
        part = ctx.stream("x")
        with pytest.raises(WorkflowError, match="await"):
            part.result()
        return await part + part.result()

    async def run(event: Event, step: Step) -> int:
        return await step.do("s", tell)

    assert (await world.run(run)).output == 2


async def test_who_stops_waiting_for_a_part_does_not_take_it_back(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        waiting = asyncio.ensure_future(ctx.stream("x"))
        await asyncio.sleep(0)
        waiting.cancel()

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        assert shown(await told(instance)) == ["x"]


async def test_many_pages_come_in_order_to_many_readers(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        for number in range(600):
            part = ctx.stream(number)
            if number % 100 == 0:
                await part
        for number in range(600, 604):
            await ctx.stream([number, "x" * 600_000])

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        readers = await asyncio.gather(*(told(instance) for _ in range(5)))
        readers.append(await told(instance))
    for items in readers:
        values = [value if isinstance(value, int) else value[0] for value in shown(items)]
        assert values == list(range(604))


async def test_a_reader_that_leaves_is_forgotten_and_the_others_read_on(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        await count_to(ctx, 3)
        await world.clock.sleep(10)
        await count_to(ctx, 3)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        staying = asyncio.create_task(told(instance))
        leaving = asyncio.create_task(told(instance))
        await world.later(5)
        async for _ in instance.stream("s"):
            break
        leaving.cancel()
        gc.collect()
        await world.later(1)
        backend = world.engine._backend
        assert backend is not None
        [audience] = backend._runs.audiences.values()
        assert len(audience._bells) == 1
        assert shown(await staying) == [1, 2, 3, 1, 2, 3]
        assert not audience.listening


async def test_a_step_is_read_by_its_full_name_and_count(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda ctx: ctx.stream("first"))
        await step.do("s", lambda ctx: ctx.stream("second"))
        await step.scope("ann").do("s", lambda ctx: ctx.stream("of ann"))

    async with world.started(run) as instance:
        await ended(instance)
        assert shown(await told(instance, "s", count=2)) == ["second"]
        assert shown(await told(instance, "ann/s")) == ["of ann"]
        assert await told(instance, "t") == []


@pytest.mark.parametrize("options", [{"offset": -1}, {"offset": "1"}, {"count": 0}, {"offset": True}])
async def test_a_senseless_place_is_refused(world: World, options: Any) -> None:
    async with world.started(run_flaky) as instance:
        with pytest.raises(WorkflowError, match="give the offset of the last part that was read"):
            await told(instance, **options)


async def test_a_reader_ends_when_the_instance_is_terminated(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        await ctx.stream("half")
        await world.clock.sleep(1_000)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        readers = [asyncio.create_task(told(instance, name)) for name in ("s", "never")]
        await world.later(5)
        await instance.terminate()
        assert await asyncio.gather(*readers) == [[StreamPart(1, 1, "half")], []]


async def test_a_restart_is_a_reset_to_the_beginning(world: World) -> None:
    lives: list[int] = []

    async def tell(ctx: StepContext) -> None:
        lives.append(1)
        await count_to(ctx, 3)
        if len(lives) == 1:
            await world.clock.sleep(1_000)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        reader = asyncio.create_task(told(instance))
        await world.later(5)
        await instance.restart()
        again = [StreamPart(1, 1, 1), StreamPart(2, 1, 2), StreamPart(3, 1, 3)]
        assert await reader == [*again, StreamReset(0, 1), *again]


async def test_a_reader_that_comes_back_with_an_offset_of_an_earlier_life_begins_anew(world: World) -> None:
    async with world.started(run_flaky) as instance:
        await ended(instance)
        assert await told(instance, offset=77) == [StreamReset(0, 1), *FLAKY]


async def test_a_crash_in_the_middle_is_a_reset(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        await count_to(ctx, 3)
        if ctx.attempt == 1:
            await world.clock.sleep(1_000)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", tell)

    async with world.started(run) as instance:
        reader = asyncio.create_task(told(instance))
        await world.later(5)
        await world.engine.replay()
        items = await reader
        assert items == await told(instance)
    assert items == [*FLAKY[:6], StreamPart(7, 2, 3)]


async def test_another_step_after_a_crash_does_not_get_the_parts(world: World) -> None:
    """The order of the steps changes, so the ordinals do; those that have told something keep theirs."""
    runs: list[int] = []

    async def tell(ctx: StepContext, value: str) -> str:
        await ctx.stream(value)
        if len(runs) == 1:
            await world.clock.sleep(1_000)
        return value

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        names = ["a", "b"] if len(runs) == 1 else ["c", "b", "a"]
        await asyncio.gather(*(step.do(name, lambda ctx, name=name: tell(ctx, name)) for name in names))

    async with world.started(run) as instance:
        await world.later(5)
        await world.engine.replay()
        await ended(instance)
        assert {name: shown(await told(instance, name)) for name in "abc"} == {n: [n] for n in "abc"}


async def test_history_is_there_after_the_engine_was_opened_again(durable: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", flaky, retries=TWICE)
        await step.wait_for_event("w", "go")

    async with durable.started(run) as instance:
        assert await told(instance) == FLAKY
    async with durable.reopened(run) as instance:
        assert await told(instance) == FLAKY
        assert await told(instance, offset=4) == FLAKY[4:]


async def test_a_reader_learns_that_the_engine_was_closed(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda ctx: count_to(ctx, 1))
        await step.wait_for_event("w", "go")

    async with world.started(run) as instance:
        reader = asyncio.create_task(told(instance, "never"))
        await world.later(5)
    with pytest.raises(EngineClosed):
        await reader
    with pytest.raises(EngineClosed):
        await told(instance)


async def test_a_cut_step_goes_on_telling_in_its_next_attempt(world: World) -> None:
    async def tell(ctx: StepContext) -> None:
        await count_to(ctx, 2)
        if ctx.attempt == 1:
            await world.clock.sleep(1_000)

    async def run(event: Event, step: Step) -> None:
        task = asyncio.ensure_future(step.do("s", tell))
        await step.sleep("a little", 1)
        if not cuts:
            cuts.append(1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await step.wait_for_event("w", "go")
        await task

    cuts: list[int] = []
    async with world.started(run) as instance:
        await world.later(5)
        reader = asyncio.create_task(told(instance))
        await world.engine.replay()
        assert shown(await reader) == [1, 2]


async def test_a_generator_tells_while_it_streams_its_result(world: World) -> None:
    async def download(ctx: StepContext) -> AsyncIterator[bytes]:
        for number in range(4):
            await ctx.stream(number)
            yield bytes(300_000)
        if ctx.attempt == 1:
            raise ConnectionError("once")

    async def run(event: Event, step: Step) -> int:
        return (await step.do("s", download, retries=TWICE)).size

    async with world.started(run) as instance:
        assert await instance.result() == 1_200_000
        assert shown(await told(instance)) == [0, 1, 2, 3]
        assert len(await told(instance)) == 9


async def test_a_part_that_could_not_be_written_is_not_passed_over(durable: World) -> None:
    async def tell(ctx: StepContext) -> str:
        for number in range(3):
            ctx.stream(number)
        return "as if nothing had happened"

    async def run(event: Event, step: Step) -> None:
        await step.sleep("first", 1)
        await step.do("s", tell)

    async with durable.started(run) as instance:
        refuse = (
            "CREATE TRIGGER no BEFORE INSERT ON chunk WHEN NEW.data = x'31' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        await durable.engine.store.write(lambda connection: connection.execute(refuse).rowcount)
        with pytest.raises(sqlite3.IntegrityError):
            await instance.result()
        [(ended_steps,)] = await durable.engine.store.read(
            "SELECT count(*) FROM entry WHERE kind = 0 AND state = 2"
        )
        assert ended_steps == 0
        await durable.engine.store.write(lambda connection: connection.execute("DROP TRIGGER no").rowcount)
    async with durable.reopened(run) as instance:
        assert await instance.result() is None
        assert shown(await told(instance)) == [0, 1, 2]


async def test_going_back_to_a_step_forgets_what_it_has_told(world: World) -> None:
    lives: list[str] = []

    async def tell(ctx: StepContext) -> None:
        lives.append(ctx.step.name)
        await ctx.stream(len(lives))

    async def run(event: Event, step: Step) -> None:
        for name in ("a", "b"):
            await step.do(name, tell)
        await step.wait_for_event("w", "go")

    async with world.started(run) as instance:
        await world.later(5)
        await instance.restart(from_step="b")
        await world.later(5)
        assert await told(instance, "a") == [StreamPart(1, 1, 1)]
        assert await told(instance, "b") == [StreamPart(1, 1, 3)]


async def test_a_reader_learns_that_the_instance_was_deleted(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda ctx: count_to(ctx, 1))
        await step.wait_for_event("w", "go")

    async with world.started(run) as instance:
        reader = asyncio.create_task(told(instance, "never"))
        await world.later(5)
        await instance.delete()
        with pytest.raises(InstanceNotFound):
            await reader
        with pytest.raises(InstanceNotFound):
            await told(instance)
