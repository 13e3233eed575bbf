"""What sleeps, waits and events are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from workflows import ReceivedEvent, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


@dataclass
class Approval:
    ok: bool


class Checkout(WorkflowEntrypoint[None, dict[str, int]]):
    async def run(self, event: WorkflowEvent[dict[str, int]], step: WorkflowStep) -> bool:
        assert_type(event.payload, dict[str, int])
        assert_type(event.timestamp, datetime)
        assert_type(event.instance_id, str)
        assert_type(event["payload"], Any)

        assert_type(await step.sleep("z", "2 days"), None)
        assert_type(await step.sleep("z", timedelta(days=2)), None)
        assert_type(await step.sleep("z", 2.5), None)
        assert_type(await step.sleep_until("z", datetime.now(UTC)), None)

        approval = await step.wait_for_event("w", "approval", payload=Approval, timeout="1 hour")
        assert_type(approval, ReceivedEvent[Approval])
        assert_type(approval.payload.ok, bool)
        assert_type(approval.type, str)
        assert_type(await step.wait_for_event("w", "list", payload=list[int]), ReceivedEvent[list[int]])
        either = await step.wait_for_event("w", "either", payload=Approval | None)
        assert_type(either.payload, Approval | None)
        assert_type((await step.wait_for_event("w", "any")).payload, Any)
        return approval.payload.ok


async def wrong(step: WorkflowStep, event: WorkflowEvent[Approval]) -> None:
    await step.sleep("z")  # error
    await step.sleep("z", None)  # error
    await step.sleep(1, "2 days")  # error
    await step.sleep_until("z", "tomorrow")  # error
    await step.wait_for_event("w")  # error
    await step.wait_for_event("w", "approval", "1 hour")  # error
    await step.wait_for_event("w", "approval", payload=5)  # error
    event.payload.okay  # error
    event.payload = Approval(True)  # error
    event.params  # error


class Misfit(WorkflowEntrypoint[None, Approval]):
    async def run(self, event: WorkflowEvent[Approval]) -> None: ...  # error
