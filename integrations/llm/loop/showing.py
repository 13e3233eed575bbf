"""What happens in a loop, as chunks of a UI message stream, for `on_chat_message` to yield."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

from integrations.llm.completion import ToolCall
from integrations.llm.loop.approving import approve, refuse
from integrations.llm.loop.exchange import named
from integrations.llm.loop.record import ApprovalRequest, ToolResult
from integrations.llm.streaming.following import follow
from integrations.llm.streaming.showing import Showing, Shown, written
from integrations.llm.streaming.standing import Standing, raise_failure
from workflows import InstanceFinished, StreamReset, WorkflowInstance

__all__ = ["answer_approvals", "show_loop"]

_RESPONDED = ("approval-responded", "output-denied")
_SETTLED = ("output-available", "output-error", "output-denied")


async def show_loop(
    instance: WorkflowInstance, name: str, /, message: Mapping[str, Any] | None = None
) -> AsyncGenerator[Shown, None]:
    """The texts, the calls and their results of a loop with `stream=True`, each once; `name` is the loop's.

    When calls wait for a human it ends after what can be had without. In the turn that goes on
    (`turn.continuation`), call `answer_approvals` first, then this with `message`, the last one of the turn:
    what that holds already is not shown again. It ends with the loop, and raises what that fails with.
    """
    had = _calls_in(message)
    shown = Loop(instance, name, had)
    for turn in itertools.count(1):
        calls: list[ToolCall] = []
        async for piece in shown.answer(turn, calls):
            yield piece
        if not calls:
            return
        async for piece in shown.results(turn, calls):
            yield piece
        if shown.waits:
            return


async def answer_approvals(
    instance: WorkflowInstance, message: Mapping[str, Any], *, by: str = "chat"
) -> None:
    """Tells the loop what the clients of a chat have said of its calls; they may decide who get here.

    `message` is the last one of a turn that goes on. A crash may tell it twice: the first answer counts.
    """
    for part in message["parts"]:
        approval = part.get("approval")
        if part.get("state") not in _RESPONDED or not isinstance(approval, Mapping):
            continue
        with contextlib.suppress(InstanceFinished):  # nobody has decided in time
            if approval.get("approved") is True:
                await approve(instance, str(approval["id"]), by=by)
            else:
                await refuse(instance, str(approval["id"]), str(approval.get("reason") or ""), by=by)


class Loop:
    """What of one loop is shown."""

    def __init__(self, instance: WorkflowInstance, name: str, had: Mapping[str, str]) -> None:
        """`had` are the calls that clients have, by their ids, with their states."""
        self._instance = instance
        self._name = name
        self._had = had
        self._used: set[str] = set()
        self.waits = False
        """A human is to decide."""

    async def answer(self, turn: int, calls: list[ToolCall]) -> AsyncGenerator[Shown, None]:
        """One answer of the model; its calls are put into `calls`."""
        step = f"{self._name}/model"
        showing = Showing(f"{self._name}-{turn}", await Standing.of(self._instance, step, turn))
        repeats = bool(self._had.keys() - self._used)
        held: list[Shown] = []
        async with contextlib.aclosing(follow(self._instance, step, turn)) as pieces:
            async for piece in pieces:
                for shown in showing.take(piece):
                    if repeats:
                        held.append(shown)
                    else:
                        yield shown
        await raise_failure(self._instance, step, turn)
        held += showing.end()
        calls += named(showing.calls, turn, self._used)
        self._used |= {call.id for call in calls}
        if any(call.id in self._had for call in calls):
            return
        for shown in (*held, *(one for call in calls for one in written(call))):
            yield shown

    async def results(self, turn: int, calls: Collection[ToolCall]) -> AsyncGenerator[Shown, None]:
        """What came of the calls, in their order; what waits for a human comes last, when it was decided."""
        waiting: list[tuple[int, ToolCall]] = []
        for number, call in enumerate(calls, 1):
            told = await self._told(f"call {turn}.{number}")
            if isinstance(told, ApprovalRequest):
                waiting.append((number, call))
                if call.id not in self._had:
                    self.waits = True
                    yield {"type": "tool-approval-request", "toolCallId": call.id, "approvalId": told.event}
            elif self._had.get(call.id) not in _SETTLED:
                yield _outcome(call, told)
        if self.waits:
            return
        for number, call in waiting:
            told = await self._told(f"decided {turn}.{number}")
            if self._had.get(call.id) not in _SETTLED:
                yield _outcome(call, told if isinstance(told, ToolResult) else None)

    async def _told(self, step: str) -> ToolResult | ApprovalRequest | None:
        """What a step of a call told at last; None when it has failed."""
        told: ToolResult | ApprovalRequest | None = None
        async for item in self._instance.stream(f"{self._name}/{step}"):
            if isinstance(item, StreamReset):
                told = None
                continue
            match item.value:
                case {"result": dict(result)}:
                    told = ToolResult.model_validate(result)
                case {"approval": dict(request)}:
                    told = ApprovalRequest.model_validate(request)
                case _:
                    pass  # what the tool itself tells
        return told


def _calls_in(message: Mapping[str, Any] | None) -> dict[str, str]:
    parts = () if message is None else message["parts"]
    return {part["toolCallId"]: str(part.get("state")) for part in parts if "toolCallId" in part}


def _outcome(call: ToolCall, result: ToolResult | None) -> Shown:
    about = {"toolCallId": call.id}
    if result is None:
        return about | {"type": "tool-output-error", "errorText": "the tool has failed"}
    if result.status == "done":
        return about | {"type": "tool-output-available", "output": result.text}
    return about | {"type": "tool-output-error", "errorText": result.text}
