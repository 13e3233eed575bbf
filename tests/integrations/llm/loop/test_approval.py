"""Calls that wait for a human: real engine, real file, over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.llm.loop import ApprovalRequest, LoopResult, Tool, approve, refuse
from integrations.llm.testing import ScriptedModel
from tests.integrations.llm.loop.looping import Support, call, calling, running, sound, told
from workflows import Clock, SystemClock, WorkflowInstance
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Bank:
    """Money that goes out, and what was looked at meanwhile."""

    def __init__(self) -> None:
        self.paid: list[tuple[str, int]] = []
        self.looked = asyncio.Event()
        self.looks = 0

    async def pay(self, to: str, amount: int = 100) -> str:
        """Pays."""
        self.paid.append((to, amount))
        return f"paid {amount}"

    async def look(self) -> str:
        """Looks."""
        self.looks += 1
        self.looked.set()
        return "fine"

    def tools(self, **terms: object) -> list[Tool | Callable[..., object]]:
        """Paying needs a human."""
        return [Tool(self.pay, **({"approval": True} | terms)), self.look]  # type: ignore[arg-type]  # by keyword


async def asked_for(instance: WorkflowInstance) -> ApprovalRequest:
    """What the first call asks for, as whoever watches the instance sees it."""
    async for event in instance.subscribe(filter=["step_completed"]):
        if event.step_name == "help/call 1.1-1":
            return ApprovalRequest.model_validate(event.output)
    raise AssertionError("it ended without asking")


PAY = calling(call("pay", '{"to": "ann"}', "p"), call("look"))


async def ended(
    path: Path,
    decide: Callable[[WorkflowInstance, ApprovalRequest], object],
    *,
    clock: Clock | None = None,
    **terms: object,
) -> tuple[LoopResult, Bank, list[str]]:
    """How the loop ends when a human has decided; and what the model was told."""
    bank = Bank()
    async with (
        ScriptedModel([PAY, "ok"]) as model,
        running(path, model.url, bank.tools(**terms), clock=clock or SystemClock()) as (engine, _),
    ):
        instance = await engine.workflow(Support).create(id="1", params="Pay Ann!")
        request = await asked_for(instance)
        assert bank.paid == []
        decided = decide(instance, request)
        if asyncio.iscoroutine(decided):
            await decided
        result: LoopResult = await instance.result()
    sound(model.asked[1])
    return result, bank, told(model.asked[1])


async def test_what_is_approved_is_done_and_others_do_not_wait(tmp_path: Path) -> None:
    bank = Bank()
    async with (
        ScriptedModel([PAY, "ok"]) as model,
        running(tmp_path / "a.db", model.url, bank.tools(), clock=SystemClock()) as (engine, _),
    ):
        instance = await engine.workflow(Support).create(id="1", params="Pay Ann!")
        request = await asked_for(instance)
        await bank.looked.wait()
        assert bank.paid == []
        assert request.arguments == '{"to":"ann","amount":100}', "with what the model has left out"
        await approve(instance, request, by="eve")
        result: LoopResult = await instance.result()
    assert bank.paid == [("ann", 100)]
    assert (result.calls[0].status, result.calls[0].by) == ("done", "eve")
    assert told(model.asked[1]) == ["paid 100", "fine"]


async def test_what_is_refused_is_not_done_and_the_model_learns_why(tmp_path: Path) -> None:
    result, bank, said = await ended(
        tmp_path / "a.db", lambda instance, request: refuse(instance, request, "too much", by="eve")
    )
    assert bank.paid == []
    assert (result.calls[0].status, result.calls[0].by) == ("refused", "eve")
    assert said == ["a human has refused this call: too much", "fine"]


async def test_what_nobody_decides_is_not_done(tmp_path: Path) -> None:
    result, bank, said = await ended(
        tmp_path / "a.db", lambda *_: None, clock=VirtualClock(), approval_timeout="3 days"
    )
    assert (bank.paid, result.calls[0].status) == ([], "refused")
    assert said[0] == "nobody has approved this call in time"


@pytest.mark.parametrize(
    "payload", [{"approved": "perhaps"}, {"approve": True}, None, "yes", {"approved": True, "amount": 7}]
)
async def test_an_answer_that_cannot_be_read_approves_nothing(tmp_path: Path, payload: object) -> None:
    result, bank, _ = await ended(
        tmp_path / "a.db", lambda instance, request: instance.send_event(request.event, payload)
    )
    assert (bank.paid, result.calls[0].status) == ([], "refused")


async def test_the_first_answer_counts(tmp_path: Path) -> None:
    async def decide(instance: WorkflowInstance, request: ApprovalRequest) -> None:
        await refuse(instance, request.event)
        await approve(instance, request.event)

    result, bank, _ = await ended(tmp_path / "a.db", decide)
    assert (bank.paid, result.calls[0].status) == ([], "refused")


async def test_only_what_a_function_says_needs_a_human(tmp_path: Path) -> None:
    bank = Bank()

    def much(to: str, amount: int) -> bool:
        return amount > 50 or to == "eve"

    calls = [
        call("pay", f'{{"to": "{to}", "amount": {n}}}', f"{to}{n}") for to, n in (("ann", 5), ("eve", 5))
    ]
    async with (
        ScriptedModel([calling(*calls), "ok"]) as model,
        running(tmp_path / "a.db", model.url, bank.tools(approval=much, approval_timeout=60)) as (engine, _),
    ):
        result: LoopResult = await (await engine.workflow(Support).create(params="Pay!")).result()
    assert bank.paid == [("ann", 5)]
    assert [one.status for one in result.calls] == ["done", "refused"]


async def test_invalid_and_forbidden_calls_do_not_bother_a_human(tmp_path: Path) -> None:
    bank = Bank()
    calls = [call("pay", '{"to": 7}', "a"), call("pay", '{"to": "eve"}', "b")]
    tools = bank.tools(permit=lambda to, amount: to != "eve" and amount > 0)
    async with (
        ScriptedModel([calling(*calls), "ok"]) as model,
        running(tmp_path / "a.db", model.url, tools) as (engine, _),
    ):
        result: LoopResult = await (await engine.workflow(Support).create(params="Pay!")).result()
    assert [one.status for one in result.calls] == ["invalid", "forbidden"]
    assert bank.paid == []


async def test_an_approval_is_for_one_call_of_one_instance(tmp_path: Path) -> None:
    bank = Bank()
    async with (
        ScriptedModel(lambda asked: PAY if len(asked.body["messages"]) == 1 else "ok") as model,
        running(tmp_path / "a.db", model.url, bank.tools(), clock=SystemClock()) as (engine, _),
    ):
        one = await engine.workflow(Support).create(id="1", params="Pay Ann!")
        two = await engine.workflow(Support).create(id="2", params="Pay Ann!")
        request, other = await asked_for(one), await asked_for(two)
        assert request.request_hash == other.request_hash
        assert request.event != other.event
        await approve(two, request)
        await refuse(two, other)
        assert (await two.result()).calls[0].status == "refused"
        assert bank.paid == []


async def test_it_waits_over_restarts_and_the_model_is_not_asked_again(tmp_path: Path) -> None:
    bank = Bank()
    clock = SystemClock()
    async with ScriptedModel([PAY, "ok"]) as model:
        async with running(tmp_path / "a.db", model.url, bank.tools(), clock=clock) as (engine, _):
            request = await asked_for(await engine.workflow(Support).create(id="1", params="Pay Ann!"))
        async with running(tmp_path / "a.db", model.url, bank.tools(), clock=clock) as (engine, _):
            instance = engine.workflow(Support).get("1")
            await approve(instance, request)
            result: LoopResult = await instance.result()
    assert (len(model.asked), bank.paid, bank.looks) == (2, [("ann", 100)], 1)
    assert result.calls[0].status == "done"
