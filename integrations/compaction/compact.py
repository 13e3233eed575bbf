"""Compaction in a workflow: a pure plan, and at most one durable step."""

from collections.abc import Collection, Coroutine, Iterable, Sequence

from integrations.compaction.commit import commit
from integrations.compaction.message import Message
from integrations.compaction.outcome import Compacted, FellShort, Outcome
from integrations.compaction.overlay import Overlay
from integrations.compaction.plan import Plan, plan
from integrations.compaction.rules import Rule
from integrations.compaction.settings import Compaction
from integrations.compaction.summary import Summarise, Summary
from integrations.tokens import Counter
from workflows import AmbiguousStepName, Duration, RetryOptions, StepError, WorkflowFatalError, WorkflowStep


async def compact(
    step: WorkflowStep,
    messages: Iterable[Message],
    *,
    summarise: Summarise,
    settings: Compaction | None = None,
    overlay: Overlay | None = None,
    overhead: int = 0,
    rules: Sequence[Rule] = (),
    pinned: Collection[str] = (),
    counter: Counter | None = None,
    retries: RetryOptions | None = None,
    timeout: Duration | None = None,
) -> Outcome:
    """Compact a whole history if it is due: send `outcome.messages`, keep `outcome.overlay` for the next.

    The summary is one durable step, named by the hash of the plan: after a crash it is not paid again, and
    another plan never gets its answer. When it fails for good, after `retries` of at most `timeout` each, a
    digest stands in and `overlay.fallback` is true. The other parameters, and `CompactionIneffective`, are
    those of `plan`.
    """
    planned = plan(
        messages,
        settings=settings,
        overlay=overlay,
        overhead=overhead,
        rules=rules,
        pinned=pinned,
        counter=counter,
    )
    match planned:
        case Plan(request=None):
            return commit(planned)
        case Plan():
            assert planned.request is not None
            name = f"compact {planned.hash[:12]}"
            summary = step.do(
                name, summarise, planned.request, result=Summary, retries=retries, timeout=timeout
            )
            return await _with_fallback(planned, summary)
        case _:
            return planned


async def _with_fallback(planned: Plan, summary: Coroutine[object, None, Summary]) -> Compacted | FellShort:
    try:
        return commit(planned, await summary)
    except (AmbiguousStepName, WorkflowFatalError):
        raise
    except StepError as error:
        return commit(planned, failure=str(error))
    except Exception as error:  # noqa: BLE001  # whatever the summariser raised, the conversation goes on
        return commit(planned, failure=f"{type(error).__name__}: {error}")
