"""Compaction in a workflow: a pure plan, and its summary as durable steps."""

from collections.abc import Collection, Iterable

from integrations.compaction.carried import Carried
from integrations.compaction.commit import commit
from integrations.compaction.message import Message
from integrations.compaction.outcome import Compacted, FellShort, Outcome
from integrations.compaction.overlay import Overlay
from integrations.compaction.plan import Plan, plan
from integrations.compaction.settings import Settings
from integrations.compaction.summarising import Ask, summarised
from integrations.compaction.summary import Summarise, Summary, SummaryRequest
from integrations.llm.errors import typed
from integrations.tokens import Counter
from workflows import AmbiguousStepName, Duration, RetryOptions, StepError, WorkflowFatalError, WorkflowStep


async def compact(
    step: WorkflowStep,
    messages: Iterable[Message],
    *,
    summarise: Summarise,
    settings: Settings | None = None,
    overlay: Overlay | None = None,
    overhead: int = 0,
    carried: Carried | None = None,
    pinned: Collection[str] = (),
    counter: Counter | None = None,
    retries: RetryOptions | None = None,
    timeout: Duration | None = None,
) -> Outcome:
    """Compact a whole history if it is due: send `outcome.messages`, keep `outcome.overlay` for the next.

    The summary is one durable step, named by the hash of the plan: after a crash it is not paid again, and
    another plan never gets its answer. Where the summariser's window is too small, it is several: parts, and
    their merger. When it fails for good, after `retries` of at most `timeout` each, a digest stands in and
    `overlay.fallback` is true. The other parameters, and `CompactionIneffective`, are those of `plan`.
    """
    planned = plan(
        messages,
        settings=settings,
        overlay=overlay,
        overhead=overhead,
        carried=carried,
        pinned=pinned,
        counter=counter,
    )
    if not isinstance(planned, Plan):
        return planned

    async def ask(name: str, request: SummaryRequest) -> Summary:
        name = f"compact {name}"
        try:
            return await step.do(name, summarise, request, result=Summary, retries=retries, timeout=timeout)
        except StepError as error:
            raise typed(error) from error

    return commit(planned) if planned.request is None else await _with_fallback(planned, ask)


async def _with_fallback(planned: Plan, ask: Ask) -> Compacted | FellShort:
    try:
        return commit(planned, await summarised(planned, ask))
    except (AmbiguousStepName, WorkflowFatalError):
        raise
    except StepError as error:
        return commit(planned, failure=str(error))
    except Exception as error:  # noqa: BLE001  # whatever the summariser raised, the conversation goes on
        return commit(planned, failure=f"{type(error).__name__}: {error}")
