"""Old histories against today's code: what differs, and where it begins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Body, Event, Step, World, ended, named, workflow
from workflows import WorkflowError
from workflows.testing import Difference, Replay, assert_replays, replay, replay_histories

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Told = tuple[str, str | None, str]


async def recorded(body: Body, *, after: float | None = None, **options: Any) -> Json:
    """The history of an instance with the id `i`: finished, or as it is after so many seconds."""
    world = World(":memory:")
    async with world.started(body, {}) as instance:
        await (ended(instance) if after is None else world.later(after))
        return await instance.export(**options)


async def replayed(history: Json, body: Body, **options: Any) -> Replay:
    return await replay(workflow(body), history, **options)


def told(outcome: Replay) -> list[Told]:
    return [(one.kind, one.step, one.message) for one in outcome.differences]


def steps(*names: str, output: Any = None) -> Body:
    """A run with these steps: `a` is a step, `~a` a sleep, `?a` a wait for an event."""

    async def run(event: Event, step: Step) -> Any:
        for name in names:
            await one(step, name)
        return output

    return run


def one(step: Step, name: str) -> Awaitable[Any]:
    match name[0]:
        case "~":
            return step.sleep(name[1:], 60)
        case "?":
            return step.wait_for_event(name[1:], "go")
    return step.do(name, lambda: name)


def never() -> Any:
    raise AssertionError("a replay calls no function")


def untouched(*names: str, output: Any = None) -> Body:
    """The same run with functions that must not be called."""

    async def run(event: Event, step: Step) -> Any:
        for name in names:
            await (one(step, name) if name[0] in "~?" else step.do(name, never))
        return output

    return run


async def test_an_instance_that_was_undone_replays_as_far_as_its_failure() -> None:
    def failing(undo: Callable[[Any], object], name: str = "a") -> Body:
        async def run(event: Event, step: Step) -> None:
            await step.do(name, lambda: 1, rollback=undo)
            raise ValueError("out of stock")

        return run

    history = await recorded(failing(lambda _: None))
    assert [(entry["kind"], entry["name"]) for entry in history["entries"]] == [
        ("do", "a"),
        ("rollback", "a"),
    ]
    assert told(await replayed(history, failing(lambda _: never()))) == []
    [difference] = (await replayed(history, failing(lambda _: never(), "b"))).differences
    assert (difference.kind, difference.step) == ("asked", "b-1")


async def test_the_same_code_replays_without_calling_anything() -> None:
    history = await recorded(steps("a", "~nap", "b", output=1))
    outcome = await replayed(history, untouched("a", "~nap", "b", output=1))
    assert outcome == Replay("Flow", "i", (), ())
    assert outcome.first is None
    assert str(outcome) == 'Flow "i" replays'


async def test_a_step_that_was_renamed_is_named_first() -> None:
    history = await recorded(steps("a", "b", "c"))
    outcome = await replayed(history, untouched("a", "renamed", "c"))
    message = (
        'today\'s code asks for step "renamed-1", which is not recorded; the record goes on with step "b-1"'
    )
    assert told(outcome) == [("asked", "renamed-1", message)]
    assert outcome.first == Difference("asked", "renamed-1", message)
    assert str(outcome) == f'Flow "i" differs:\n  {message}'


async def test_a_step_that_was_added_at_the_end_is_asked_for() -> None:
    history = await recorded(steps("a"))
    outcome = await replayed(history, untouched("a", "b"))
    assert told(outcome) == [("asked", "b-1", 'today\'s code asks for step "b-1", which is not recorded')]


async def test_steps_that_were_removed_are_all_named() -> None:
    history = await recorded(steps("a", "b", "~c", "d"))
    outcome = await replayed(history, untouched("a", "d"))
    assert told(outcome) == [
        ("unasked", "b-1", 'step "b-1" is recorded, and today\'s code does not ask for it'),
        ("unasked", "c-1", 'sleep "c-1" is recorded, and today\'s code does not ask for it'),
    ]


async def test_a_step_that_became_another_kind_is_seen() -> None:
    history = await recorded(steps("~a"))
    outcome = await replayed(history, untouched("a"))
    [(kind, step, message)] = told(outcome)
    assert (kind, step) == ("asked", "a-1")
    assert message.endswith('the record goes on with sleep "a-1"')


async def test_steps_in_another_order_replay() -> None:
    history = await recorded(steps("a", "b"))
    assert told(await replayed(history, untouched("b", "a"))) == []


async def test_another_output_is_seen() -> None:
    history = await recorded(steps("a", output={"n": 1}))
    outcome = await replayed(history, untouched("a", output={"n": 2}))
    assert told(outcome) == [("outcome", None, 'today\'s code returns {"n":2}, recorded {"n":1}')]


async def test_an_output_with_its_keys_in_another_order_is_the_same() -> None:
    history = await recorded(steps("a", output={"n": 1, "m": 2}))
    assert told(await replayed(history, untouched("a", output={"m": 2, "n": 1}))) == []


async def test_an_error_that_is_new_is_named_with_its_place() -> None:
    async def raises(event: Event, step: Step) -> None:
        await step.do("a", never)
        raise KeyError("new")

    outcome = await replayed(await recorded(steps("a")), raises)
    [(kind, step, message)] = told(outcome)
    assert (kind, step) == ("outcome", "a-1")
    assert message.startswith(
        "today's code ends with KeyError: 'new' after step \"a-1\", recorded complete\n"
    )
    assert 'raise KeyError("new")' in message


def failing(error: Exception | None, then: str = "b") -> Body:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: "a")
        if error is not None:
            raise error

    return run


async def test_the_same_error_replays_and_another_does_not() -> None:
    history = await recorded(failing(ValueError("no")))
    assert history["status"] == "errored"
    assert told(await replayed(history, failing(ValueError("no")))) == []
    assert [kind for kind, *_ in told(await replayed(history, failing(ValueError("other"))))] == ["outcome"]
    [(kind, _, message)] = told(await replayed(history, failing(None)))
    assert (kind, message) == ("outcome", "today's code completes, and the record ends with ValueError: no")


async def test_a_recorded_failure_is_raised_again() -> None:
    async def run(event: Event, step: Step) -> str:
        def fail() -> None:
            raise ValueError("recorded")

        try:
            await step.do("a", fail, retries={"limit": 0, "delay": 0})
        except ValueError as error:
            return str(error)
        return "nothing"

    history = await recorded(run)
    assert history["output"] == "recorded"
    assert told(await replayed(history, run)) == []


@dataclass
class Receipt:
    id: str


@dataclass
class Invoice:
    number: int


async def test_a_result_that_does_not_fit_today_s_type_is_named() -> None:
    def returning(kind: type) -> Body:
        async def run(event: Event, step: Step) -> None:
            await step.do("before", lambda: 1)
            await step.do("pay", lambda: Receipt("r"), result=kind)

        return run

    history = await recorded(returning(Receipt))
    [(kind, step, message)] = told(await replayed(history, returning(Invoice)))
    assert (kind, step) == ("unreadable", "pay-1")
    assert message.startswith('what is stored for step "pay-1" cannot be read: number: ')


async def test_params_that_do_not_fit_today_s_type_are_named() -> None:
    history = await recorded(steps("a"))

    class Typed(workflow_of_params(Invoice)):  # type: ignore[misc]  # made by a function
        async def run(self, event: Event, step: Step) -> None:
            await step.do("a", never)

    [(kind, step, message)] = told(await replay(Typed, history))
    assert (kind, step) == ("unreadable", None)
    assert message.startswith("its params do not fit Flow any more: number")


def workflow_of_params(kind: type) -> Any:
    from workflows import WorkflowEntrypoint

    return WorkflowEntrypoint[None, kind]  # type: ignore[valid-type]


async def test_an_unfinished_instance_replays_up_to_where_it_was() -> None:
    history = await recorded(steps("a", "~nap", "b"), after=1)
    outcome = await replayed(history, untouched("a", "~nap", "b"))
    assert outcome.differences == ()
    assert outcome.goes_on_with == ('sleep "nap-1"',)
    assert str(outcome) == 'Flow "i" replays, and would go on with sleep "nap-1"'


async def test_steps_beyond_an_unfinished_record_are_fine() -> None:
    history = await recorded(steps("a", "~nap", "b"), after=1)
    del history["entries"][1]  # it was killed between the two
    outcome = await replayed(history, untouched("a", "new", "b"))
    assert outcome.differences == ()
    assert outcome.goes_on_with == ('step "new-1"',)


async def test_a_step_that_was_renamed_before_the_end_of_an_unfinished_record_is_seen() -> None:
    history = await recorded(steps("a", "b", "~nap"), after=1)
    outcome = await replayed(history, untouched("a", "renamed", "~nap"))
    assert [(kind, step) for kind, step, _ in told(outcome)] == [("asked", "renamed-1")]
    assert outcome.goes_on_with == ()


async def test_a_step_that_is_asked_for_after_what_it_was_recorded_before_is_seen() -> None:
    history = await recorded(steps("a", "b", "~nap"), after=1)
    outcome = await replayed(history, untouched("a", "~nap", "b"))
    [(kind, step, message)] = told(outcome)
    assert (kind, step) == ("unasked", "b-1")
    assert message.endswith('does not ask for it before it waits for sleep "nap-1"')


async def test_an_unfinished_wait_that_is_not_asked_for_any_more_is_seen() -> None:
    history = await recorded(steps("a", "?w"), after=1)
    outcome = await replayed(history, untouched("a"))
    assert [(kind, step) for kind, step, _ in told(outcome)] == [("unasked", "w-1")]


async def test_an_unfinished_instance_may_be_about_to_fail() -> None:
    def run_with(error: Callable[[], None]) -> Body:
        async def run(event: Event, step: Step) -> None:
            try:
                await step.do("a", error, retries={"limit": 0, "delay": 0})
            except ValueError:
                await step.sleep("before it is raised again", 60)
                raise

        return run

    def fail() -> None:
        raise ValueError("recorded")

    history = await recorded(run_with(fail), after=1)
    history["entries"][1]["state"] = "done"
    assert told(await replayed(history, run_with(never))) == []


async def test_code_that_fails_where_the_record_goes_on_is_seen() -> None:
    history = await recorded(steps("a", "~nap"), after=1)
    [(kind, step, message)] = told(await replayed(history, failing(ValueError("new"))))
    assert (kind, step) == ("outcome", "a-1")
    assert message.startswith('today\'s code ends with ValueError: new after step "a-1"\n')


async def test_parallel_steps_replay_beside_one_that_was_left_waiting() -> None:
    def race(call: Callable[[], Any]) -> Body:
        async def run(event: Event, step: Step) -> list[Any]:
            nap = asyncio.ensure_future(step.sleep("nap", "1 day"))
            fast = asyncio.ensure_future(step.do("fast", call))
            done, _ = await asyncio.wait((nap, fast), return_when=asyncio.FIRST_COMPLETED)
            return [task.result() for task in done]

        return run

    history = await recorded(race(lambda: 1))
    assert [one["state"] for one in history["entries"]] == ["waiting", "done"]
    assert told(await replayed(history, race(never))) == []


async def test_a_step_that_was_cut_is_cut_again() -> None:
    world = World(":memory:")

    async def run(event: Event, step: Step) -> str:
        try:
            async with asyncio.timeout(0.02):
                await step.do("hangs", asyncio.Event().wait)
        except TimeoutError:
            await step.do("after", lambda: None)
            return "cut"
        return "slept"

    async with world.started(run) as instance:
        await instance.result()
        history = await instance.export()
    assert [one["state"] for one in history["entries"]] == ["cut", "done"]
    assert told(await replayed(history, run)) == []


async def test_what_was_redacted_is_not_guessed() -> None:
    async def run(event: Event, step: Step) -> Any:
        secret = await step.do("secret", lambda: "hush", sensitive="output")
        return await step.do("length", lambda: len(secret))

    redacted, whole = await recorded(run), await recorded(run, sensitive=True)
    outcome = await replayed(redacted, run)
    assert outcome.differences == ()
    assert outcome.goes_on_with == ('step "secret-1"',)
    assert (await replayed(whole, run)).goes_on_with == ()


async def test_code_that_waits_for_something_else_is_given_up() -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", never)
        await asyncio.Event().wait()

    outcome = await replayed(await recorded(steps("a", "b")), run, patience=0.01)
    [(kind, step, message)] = told(outcome)
    assert (kind, step) == ("stuck", "a-1")
    assert message.startswith('today\'s code does not come to its next step within 0.01 s after step "a-1"')


async def test_code_between_steps_may_take_its_time() -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", never)
        await asyncio.to_thread(lambda: None)
        await asyncio.sleep(0.01)
        await step.do("b", never)

    assert told(await replayed(await recorded(steps("a", "b")), run)) == []


async def test_a_finished_record_with_an_end_missing_is_told_apart() -> None:
    history = await recorded(steps("a", "b"))
    history["entries"][1]["state"] = "running"
    assert told(await replayed(history, untouched("a", "b"))) == [
        ("stuck", "b-1", 'today\'s code waits for step "b-1", whose end is not recorded')
    ]


async def test_what_the_recorded_run_did_not_ask_for_is_not_expected() -> None:
    world = World(":memory:")
    async with world.started(steps("a", "~nap"), {}) as instance:
        await world.later(1)
        changed = workflow(steps("~nap"))
        history = await instance.export()
    history |= {"status": "complete", "output": None, "unasked": ["a-1"]}
    history["entries"][1]["state"] = "done"
    assert told(await replay(changed, history)) == []


async def test_env_and_other_workflows_are_there_and_nothing_of_them_runs() -> None:
    child = named("Child", workflow(steps("a")))

    class Parent(workflow(steps())):  # type: ignore[misc]  # made by a function
        async def run(self, event: Event, step: Step) -> str:
            launched = await self.workflow(child).create(id="child", exist_ok=True)
            status = await launched.status()
            await step.do("a", never)
            return f"{self.env} {status.status} {(await self.instance.status()).status} {event.instance_id}"

    history = await recorded(steps("a", output="env running running i"))
    assert told(await replay(Parent, history, env="env")) == []


async def test_an_assertion_names_every_history_that_does_not_replay(tmp_path: Path) -> None:
    good, bad = await recorded(steps("a")), await recorded(steps("b")) | {"id": "bad"}
    (tmp_path / "bad.json").write_text(json.dumps(bad), encoding="utf-8")
    today = workflow(untouched("a"))
    await assert_replays(today, good)
    with pytest.raises(AssertionError) as failed:
        await assert_replays(today, good, tmp_path / "bad.json")
    assert str(failed.value).splitlines() == [
        "1 of 2 histories do not replay with today's Flow:",
        'Flow "bad" differs:',
        '  today\'s code asks for step "a-1", which is not recorded; the record goes on with step "b-1"',
    ]
    assert [not one.differences for one in await replay_histories(today, [good, bad])] == [True, False]


async def test_an_assertion_over_no_history_fails() -> None:
    with pytest.raises(AssertionError, match="no history of Flow was given: is the folder empty"):
        await assert_replays(workflow(steps("a")))


async def test_a_workflow_that_is_named_by_a_string_is_refused_with_the_way_out() -> None:
    class Parent(workflow(steps())):  # type: ignore[misc]  # made by a function
        async def run(self, event: Event, step: Step) -> None:
            self.workflow("Child")

    [(_, _, message)] = told(await replay(Parent, await recorded(steps())))
    assert "a replay knows no workflow 'Child': name it by its class" in message


async def test_a_damaged_document_is_refused() -> None:
    with pytest.raises(WorkflowError, match=r"make one with `await instance\.export"):
        await replay(workflow(steps("a")), {})
