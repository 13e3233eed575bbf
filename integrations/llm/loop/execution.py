"""One call of a tool inside a step: what it comes to, whatever the model wrote and the tool does."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from integrations.llm.completion import ToolCall
from integrations.llm.loop.arguments import Arguments, InvalidArguments
from integrations.llm.loop.record import Approval, ApprovalRequest, ToolResult
from integrations.llm.loop.tool import Tool
from workflows import StepContext

__all__ = ["Execution"]

_CUT_OFF = (
    "the answer was cut off at its token limit in the middle of this call: make it again, in fewer words"
)


@dataclass(frozen=True, slots=True)
class Execution:
    """A call, and the tool that it names; None when there is no such tool."""

    call: ToolCall
    tool: Tool | None
    request_hash: str
    known: tuple[str, ...]
    """The names of all tools."""
    cut_off: bool = False
    """Its arguments may be incomplete, although they can be read."""

    async def begin(self, ctx: StepContext) -> ToolResult | ApprovalRequest:
        """Calls the tool, unless it must not be called, or a human is to agree first."""
        tool = self.tool
        if tool is None:
            tools = ", ".join(self.known) or "none"
            return self.came_to("unknown", f"there is no tool {self.call.name!r}; the tools are: {tools}")
        if self.cut_off:
            return self.came_to("invalid", _CUT_OFF)
        try:
            arguments = tool.parameters.read(self.call.arguments)
        except InvalidArguments as error:
            return self.came_to("invalid", f"the arguments do not fit: {error}")
        permitted = tool.permit is None or await _called(tool.permit, arguments.by_name)
        if permitted is not True:
            reason = f": {permitted}" if permitted else ""
            return self.came_to("forbidden", f"this is not permitted{reason}")
        if tool.approval is True or (tool.approval and await _called(tool.approval, arguments.by_name)):
            return self._request(arguments.shown, ctx)
        return await self._made(tool, arguments, ctx)

    async def decided(
        self, request: ApprovalRequest, decision: Approval | str, ctx: StepContext
    ) -> ToolResult:
        """Calls the tool as it was requested when a human has agreed; a str says why nobody has."""
        if isinstance(decision, str):
            return self.came_to("refused", decision)
        if not decision.approved:
            reason = f": {decision.reason}" if decision.reason else ""
            return self.came_to("refused", f"a human has refused this call{reason}", by=decision.by)
        assert self.tool is not None, "only a tool asks for approval"
        arguments = self.tool.parameters.read(request.arguments)
        return await self._made(self.tool, arguments, ctx, by=decision.by)

    def came_to(self, status: Any, text: str, *, by: str = "") -> ToolResult:
        """The record of it."""
        return ToolResult(
            call_id=self.call.id,
            tool=self.call.name,
            arguments=self.call.arguments,
            request_hash=self.request_hash,
            status=status,
            text=text.encode(errors="replace").decode(),  # a lone surrogate could not be stored
            by=by,
        )

    async def _made(self, tool: Tool, arguments: Arguments, ctx: StepContext, *, by: str = "") -> ToolResult:
        context = tool.parameters.context
        given = arguments.by_name | ({} if context is None else {context: ctx})
        text = _text(await _called(tool.function, given))
        if len(text) > tool.longest:
            text = f"{text[: tool.longest]}\n[cut off: {tool.longest:,} of {len(text):,} characters]"
        return self.came_to("done", text, by=by)

    def _request(self, arguments: str, ctx: StepContext) -> ApprovalRequest:
        """The event belongs to this call of this request, so no other one can be answered by it."""
        what = json.dumps([ctx.key, self.request_hash, self.call.name, arguments])
        return ApprovalRequest(
            event=f"approve-{hashlib.sha256(what.encode()).hexdigest()[:32]}",
            call_id=self.call.id,
            tool=self.call.name,
            arguments=arguments,
            request_hash=self.request_hash,
        )


async def _called(function: Any, arguments: dict[str, Any]) -> Any:
    """A plain function runs in a thread."""
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    value = await asyncio.to_thread(function, **arguments)
    return await value if inspect.isawaitable(value) else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
