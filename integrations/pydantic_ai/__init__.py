"""Agents of Pydantic AI whose model calls and tool calls are durable steps, by its surface for engines."""

from __future__ import annotations

try:
    import pydantic_ai.durable_exec as _  # noqa: F401
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("Pydantic AI is missing: pip install 'perdure[pydantic-ai]'") from missing

from integrations.pydantic_ai.durability import Durability, durable

__all__ = ["Durability", "durable"]
