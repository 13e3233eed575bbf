"""How a step stands, by the journal of its instance."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.llm.errors import typed
from workflows import StepError, WorkflowInstance

__all__ = ["Standing", "raise_failure"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one step."""

    dead: int = 0
    """Attempts of which it is known that another one follows, or has followed."""
    ended: bool = False
    error: StepError | None = None

    @classmethod
    async def of(cls, instance: WorkflowInstance, name: str, count: int) -> Standing:
        """As it is now; a step that has not begun is at the beginning."""
        for entry in (await instance.export())["entries"]:
            if (entry["kind"], entry["name"], entry["occurrence"]) == ("do", name, count):
                failed = entry.get("error") if entry["state"] == "failed" else None
                return cls(
                    dead=entry["attempts"] - (entry["state"] != "waiting"),
                    ended=entry["state"] in ("done", "failed"),
                    error=StepError(failed["name"], failed["message"]) if failed else None,
                )
        return cls()


async def raise_failure(instance: WorkflowInstance, name: str, count: int) -> None:
    """Raises what a step has failed with whose stream has ended, or why its instance ended without it."""
    standing = await Standing.of(instance, name, count)
    if standing.error is not None:
        raise typed(standing.error)
    if not standing.ended:
        await instance.result()
