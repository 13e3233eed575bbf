"""A summariser over any OpenAI-compatible model."""

from integrations.compaction.summary import Summarise, Summary, SummaryRequest
from integrations.llm import LLM, Payer, Request
from workflows import NonRetryableError, StepContext


class Refused(NonRetryableError):
    """The model declined to summarise."""


def summarise_with(llm: LLM, *, model: str | None = None, payer: Payer | None = None) -> Summarise:
    """Ask this model; give `retries=llm.retries` to `compact`, so that the server's waits are kept.

    In a workflow the step pays; elsewhere a model with budgets or a limit needs a `payer`. The length is
    asked for in words, not as a limit of the request: models count hidden reasoning into that.
    """

    async def summarise(request: SummaryRequest, ctx: StepContext | None = None) -> Summary:
        completion = await llm.attempt(
            payer=ctx or payer,
            request=Request(
                model=model or llm.model,
                messages=(
                    {"role": "system", "content": request.instructions},
                    {"role": "user", "content": request.material},
                ),
            ),
        )
        if completion.refused:
            raise Refused(f"the model declined to summarise: {completion.text}")
        return Summary(text=completion.text, model=completion.model_answered, usage=completion.usage)

    return summarise
