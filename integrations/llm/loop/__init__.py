"""A durable agent loop: a model that calls tools, and is asked again, until it has an answer."""

from __future__ import annotations

from integrations.llm.loop.agent_loop import AgentLoop
from integrations.llm.loop.approving import approve, refuse
from integrations.llm.loop.limits import Limits, LoopLimitReached
from integrations.llm.loop.record import Approval, ApprovalRequest, LoopResult, ToolResult
from integrations.llm.loop.showing import answer_approvals, show_loop
from integrations.llm.loop.tool import Tool

__all__ = [
    "AgentLoop",
    "Approval",
    "ApprovalRequest",
    "Limits",
    "LoopLimitReached",
    "LoopResult",
    "Tool",
    "ToolResult",
    "answer_approvals",
    "approve",
    "refuse",
    "show_loop",
]
