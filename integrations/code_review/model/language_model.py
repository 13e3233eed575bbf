"""A `Reviewer` that asks a model through `integrations.llm`: one request, structured output, no tools."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.code_review.model.reviewer import ModelAnswer, ModelRequest, Spent
from integrations.llm import LLM, Request
from workflows import StepContext

__all__ = ["LanguageModel"]


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Answers the questions of a review; every capability of the model but answering stays unused."""

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
            payer=ctx,
        )
        used, price = completion.usage, completion.price
        return ModelAnswer(
            text=completion.text if completion.parsed is None else completion.parsed.model_dump_json(),
            model=completion.model_answered,
            spent=Spent(
                requests=completion.requests,
                input_tokens=used.input,
                output_tokens=used.output,
                cost=0.0 if price is None else float(price.money),
                unpriced=completion.requests if price is None else 0,
            ),
        )
