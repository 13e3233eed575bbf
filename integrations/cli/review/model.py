"""The language model of a review: which one, and whether it can be reached."""

from __future__ import annotations

import os
from dataclasses import dataclass

from integrations.cli.errors import CommandError
from integrations.cli.out import remark
from integrations.code_review.model.reviewer import ModelAnswer, ModelRequest, Spent
from integrations.llm import LLM, ModelError, ModelNotConfigured, Request, RetryLater
from workflows import StepContext

__all__ = ["LanguageModel", "configured_model", "why_unreachable"]


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Answers the questions of a review with one request each."""

    llm: LLM

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.llm.model

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        """The answer to `request`; raises `RetryLater` when it should be asked again."""
        completion = await self.llm.attempt(
            Request(
                model=self.llm.model,
                messages=(
                    {"role": "system", "content": request.instructions},
                    {"role": "user", "content": request.prompt},
                ),
                response_format=request.answer,
                max_tokens=request.max_output_tokens,
            ),
            number=ctx.attempt,
        )
        used = completion.usage
        return ModelAnswer(
            text=completion.text if completion.parsed is None else completion.parsed.model_dump_json(),
            model=completion.model_answered,
            spent=Spent(requests=completion.requests, input_tokens=used.input, output_tokens=used.output),
        )


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
