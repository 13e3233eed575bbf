"""The calls of one answer, each of them durable: side by side where the tools allow it, else in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.llm.completion import Completion, ToolCall
from integrations.llm.loop.execution import Execution
from integrations.llm.loop.record import Approval, ApprovalRequest, ToolResult
from integrations.llm.loop.tool import Tool
from workflows import (
    InvalidPayload,
    StepContext,
    StepError,
    WorkflowFatalError,
    WorkflowStep,
    WorkflowTimeoutError,
)

__all__ = ["Calling"]


@dataclass(frozen=True, slots=True)
class Calling:
    """`step` is that of the loop: its names are free."""

    step: WorkflowStep
    tools: Mapping[str, Tool]
    tells: bool
    """Results are streamed to readers, too."""

    async def results(
        self, turn: int, calls: Sequence[ToolCall], answer: Completion[None]
    ) -> list[ToolResult]:
        """What came of each, in their order. When one ends the loop, those beside it come to their end."""
        results: list[ToolResult] = []
        for group in self._groups(calls):
            first = len(results) + 1
            ended = await asyncio.gather(
                *(
                    self._result(f"{turn}.{number}", self._execution(call, answer, last=number == len(calls)))
                    for number, call in enumerate(group, first)
                ),
                return_exceptions=True,
            )
            for one in ended:
                if isinstance(one, BaseException):
                    raise one
                results.append(one)
        return results

    def _groups(self, calls: Sequence[ToolCall]) -> list[list[ToolCall]]:
        """Neighbours that may run side by side."""
        groups: list[list[ToolCall]] = []
        alone = True
        for call in calls:
            parallel = (tool := self.tools.get(call.name)) is None or tool.parallel
            if alone or not parallel:
                groups.append([call])
            else:
                groups[-1].append(call)
            alone = not parallel
        return groups

    def _execution(self, call: ToolCall, answer: Completion[None], *, last: bool) -> Execution:
        return Execution(
            call,
            self.tools.get(call.name),
            answer.request_hash,
            tuple(self.tools),
            cut_off=last and answer.finish_reason == "length",
        )

    async def _result(self, place: str, execution: Execution) -> ToolResult:
        tool = execution.tool
        try:
            made = await self._begun(f"call {place}", execution)
            if isinstance(made, ToolResult):
                return made
            decision = await self._decision(f"approval {place}", made, execution)
            return await self._ended(f"decided {place}", execution, made, decision)
        except WorkflowFatalError:
            raise
        except Exception as error:
            if tool is None or tool.failure == "fail":
                raise
            kind = error.type_name if isinstance(error, StepError) else type(error).__name__
            said = error.message if isinstance(error, StepError) else str(error)
            return execution.came_to("failed", f"{kind}: {said}")

    async def _begun(self, name: str, execution: Execution) -> ToolResult | ApprovalRequest:
        async def begin(ctx: StepContext) -> ToolResult | ApprovalRequest:
            made = await execution.begin(ctx)
            await self._tell(made, ctx)
            return made

        return await self.step.do(name, begin, **_terms(execution.tool))

    async def _ended(
        self, name: str, execution: Execution, request: ApprovalRequest, decision: Approval | str
    ) -> ToolResult:
        async def end(ctx: StepContext) -> ToolResult:
            result = await execution.decided(request, decision, ctx)
            await self._tell(result, ctx)
            return result

        return await self.step.do(name, end, **_terms(execution.tool))

    async def _decision(self, name: str, request: ApprovalRequest, execution: Execution) -> Approval | str:
        tool = execution.tool
        assert tool is not None, "only a tool asks for approval"
        try:
            event = await self.step.wait_for_event(
                name, request.event, payload=Approval, timeout=tool.approval_timeout
            )
        except WorkflowTimeoutError:
            return "nobody has approved this call in time"
        except InvalidPayload:
            return "this call was not approved: the answer of the human could not be read"
        return event.payload

    async def _tell(self, made: ToolResult | ApprovalRequest, ctx: StepContext) -> None:
        if self.tells:
            kind = "result" if isinstance(made, ToolResult) else "approval"
            await ctx.stream({kind: made.model_dump()})


def _terms(tool: Tool | None) -> dict[str, Any]:
    if tool is None:
        return {}
    return {"retries": tool.retries, "timeout": tool.timeout, "on_interrupted": tool.interrupted}
