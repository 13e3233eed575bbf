"""The end of an agent for good: nothing that it kept stays."""

from __future__ import annotations

from agents_sdk.ground import Ground

__all__ = ["wipe"]


async def wipe(ground: Ground, id: int) -> None:
    """Deletes schedules, file and rows of a condemned agent that lives no more; may be done again.

    The rows go last, with the mark that it is condemned: what was interrupted is found by it.
    """
    owner = str(id)
    for timer in await ground.timers.find(owner):
        await ground.timers.cancel(timer.id, owner=owner)
    await ground.files.delete(id)
    await ground.directory.forget(id)
