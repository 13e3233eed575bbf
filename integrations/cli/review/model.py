"""The language model of a review: which one, and whether it can be reached."""

from __future__ import annotations

import os

from integrations.cli.errors import CommandError
from integrations.cli.out import remark
from integrations.llm import LLM, ModelError, ModelNotConfigured, RetryLater

__all__ = ["configured_model", "why_unreachable"]


def configured_model(name: str | None) -> LLM | None:
    """The model that is named, or that the environment names; None when none is.

    Raises `CommandError` when there is a name, and neither a key nor a URL that is one.
    """
    if name is None and not os.environ.get("OPENAI_MODEL"):
        if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
            remark("no model is named, so the review is offline: name one by --model or OPENAI_MODEL")
        return None
    try:
        return LLM(name)
    except ModelNotConfigured as error:
        raise CommandError(f"{error}, or --offline") from None


async def why_unreachable(llm: LLM) -> str | None:
    """Why the model cannot be asked, in one sentence; None when it can."""
    try:
        await llm.check()
    except (RetryLater, ModelError) as error:
        return str(error)
    return None
