"""Answering a call that waits for a human."""

from __future__ import annotations

from integrations.llm.loop.record import Approval, ApprovalRequest
from workflows import WorkflowInstance

__all__ = ["approve", "refuse"]


async def approve(instance: WorkflowInstance, request: ApprovalRequest | str, *, by: str = "") -> None:
    """The call may be made; durable when this returns. `request` may be its `event`.

    The first answer counts. It is for who may decide: check that before.
    """
    await instance.send_event(_event(request), Approval(approved=True, by=by))


async def refuse(
    instance: WorkflowInstance, request: ApprovalRequest | str, reason: str = "", *, by: str = ""
) -> None:
    """The call is not made, and the model is told `reason`."""
    await instance.send_event(_event(request), Approval(approved=False, by=by, reason=reason))


def _event(request: ApprovalRequest | str) -> str:
    return request if isinstance(request, str) else request.event
