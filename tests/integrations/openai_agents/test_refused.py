"""What is not durable is refused before anything is asked; and nothing is told to anybody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    FunctionTool,
    Handoff,
    RunConfig,
    Tool,
    TracingProcessor,
    UserError,
    WebSearchTool,
    function_tool,
    handoff,
    set_trace_processors,
)
from agents.mcp import MCPServerStdio
from agents.sandbox import SandboxRunConfig

from integrations.llm.testing import ScriptedModel
from integrations.openai_agents import Unsupported, durable
from tests.integrations.openai_agents.running import twice
from tests.integrations.openai_agents.travelling import calls, model

pytestmark = pytest.mark.anyio


@function_tool
def look() -> str:
    return "sun"


def with_schema() -> FunctionTool:
    def made() -> dict[str, int]:
        return {}

    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    return function_tool(made, output_json_schema=schema)


@pytest.mark.parametrize(
    ("tool", "said"),
    [(WebSearchTool(), "tool 'web_search' of agent 'a'"), (with_schema(), "tool 'made' of agent 'a'")],
)
def test_a_tool_that_is_no_plain_function(tool: Tool, said: str) -> None:
    with pytest.raises(Unsupported, match=said):
        durable(Agent[Any]("first", handoffs=[Agent("a", tools=[look, tool])]))


def test_a_server_of_mcp() -> None:
    server = MCPServerStdio({"command": "never started"})
    with pytest.raises(Unsupported, match="agent 'a' has MCP servers"):
        durable(Agent[Any]("a", mcp_servers=[server]))


async def test_it_is_refused_in_a_workflow_before_the_model_is_asked(tmp_path: Path) -> None:
    async with ScriptedModel() as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[WebSearchTool()])
        seen = await twice(tmp_path / "1.db", agent)
    assert seen.first[0] is seen.again[0] is Unsupported
    assert asked.asked == []


async def test_a_sandbox(tmp_path: Path) -> None:
    agent = Agent[Any]("a", model="never asked")
    options = {"run_config": RunConfig(sandbox=SandboxRunConfig())}
    assert (await twice(tmp_path / "1.db", agent, options=options)).first[0] is Unsupported


async def test_an_agent_that_is_a_tool_and_streams(tmp_path: Path) -> None:
    async with ScriptedModel([calls(("1", "inner", '{"input": "?"}')), "never"]) as asked:
        inner = durable(Agent[Any]("inner", model=model(asked.url)))
        tool = inner.as_tool("inner", "", on_stream=lambda event: None, failure_error_function=None)
        seen = await twice(tmp_path / "1.db", Agent[Any]("a", model=model(asked.url), tools=[tool]))
    assert seen.first[0] is UserError
    assert "streamed answers are not durable" in seen.first[1]
    assert len(asked.asked) == 1


def test_a_copy_of_a_copy_wraps_nothing_twice() -> None:
    to: Handoff[Any, Any] = handoff(Agent[Any]("other"))
    once = durable(Agent[Any]("a", tools=[look], handoffs=[to], model="m"))
    [tool], [again] = once.tools, durable(once).tools
    assert tool is again
    assert durable(once).model == "m"


class Telling(TracingProcessor):
    """Hears what would be sent to where traces are kept."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_trace_start(self, trace: object) -> None:
        self.told.append(trace)

    def on_trace_end(self, trace: object) -> None:
        self.told.append(trace)

    def on_span_start(self, span: object) -> None:
        self.told.append(span)

    def on_span_end(self, span: object) -> None:
        self.told.append(span)

    def shutdown(self) -> None:
        """Nothing is kept."""

    def force_flush(self) -> None:
        """Nothing is kept."""


async def test_nothing_is_traced(tmp_path: Path) -> None:
    telling = Telling()
    set_trace_processors([telling])
    try:
        async with ScriptedModel([calls(("1", "look", "{}")), "done"]) as asked:
            agent = Agent[Any]("a", model=model(asked.url), tools=[look])
            options = {"run_config": RunConfig(tracing_disabled=False)}
            assert (await twice(tmp_path / "1.db", agent, options=options)).first[0] == "done"
    finally:
        set_trace_processors([])
    assert telling.told == []


def test_without_the_sdk_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['agents'] = None; import integrations.openai_agents"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'perdure[openai-agents]'" in done.stderr
