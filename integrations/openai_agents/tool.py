"""Function tools whose every call is one durable step."""

from __future__ import annotations

import copy
from typing import Any

import agents
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext

from integrations.place import here
from workflows import NotStorable
from workflows.codec import encode

__all__ = ["durable_tool", "plain"]

_STRUCTURED = (agents.ToolOutputText, agents.ToolOutputImage, agents.ToolOutputFileContent)


class _Call:
    """Calls a tool with all that the SDK puts around it: validation, time limit, words for errors."""

    def __init__(self, tool: agents.FunctionTool) -> None:
        self._tool = tool

    async def __call__(self, context: ToolContext[Any], arguments: str) -> object:
        async def call() -> object:
            tool: Any = {"function_tool": self._tool, "context": context, "arguments": arguments}
            return plain(await invoke_function_tool(**tool))

        if (place := here()) is None:
            return await call()
        return await place.named(f"{context.tool_name} {context.tool_call_id}", call, place.tool)


def durable_tool(tool: agents.FunctionTool) -> agents.FunctionTool:
    """`tool`, whose calls are steps where a durable run makes them."""
    if isinstance(tool.on_invoke_tool, _Call):
        return tool
    wrapped = copy.copy(tool)
    wrapped.on_invoke_tool = _Call(tool)
    wrapped.timeout_seconds = None  # it is kept inside of the step
    return wrapped


def plain(output: object) -> object:
    """As it is recorded, and given to the SDK on the first run too; the model is shown the same.

    Plain values stay what they are, structured outputs become their dicts, the rest becomes its `str()`.
    """
    if isinstance(output, _STRUCTURED):
        return output.model_dump(exclude_none=True)
    if isinstance(output, list | tuple) and any(isinstance(item, _STRUCTURED) for item in output):
        return [plain(item) for item in output]
    try:
        encode(output)
    except NotStorable:
        return str(output)
    return output
