"""Agent tools: a sub-agent answers as a tool of its parent's answer, and the parent's clients see it."""

from agents_sdk.agent_tools.run import ToolRun, ToolRunStatus
from agents_sdk.agent_tools.tools import AgentTools

__all__ = ["AgentTools", "ToolRun", "ToolRunStatus"]
