"""Agents of the OpenAI Agents SDK whose models, tools and guardrails are durable steps."""

from __future__ import annotations

try:
    import agents as _  # noqa: F401
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("the SDK is missing: pip install 'perdure[openai-agents]'") from missing

from integrations.openai_agents.agent import Unsupported, durable
from integrations.openai_agents.run import run

__all__ = ["Unsupported", "durable", "run"]
