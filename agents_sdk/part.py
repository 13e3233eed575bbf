"""What hangs on a living agent: one object for each concern, found by its class."""

from __future__ import annotations

__all__ = ["Part"]


class Part:
    """Made before the agent's `__init__` runs; at the end of a life the last one made ends first."""

    async def begin(self) -> None:
        """The object has been made, and `on_start` comes next; what this raises fails the start."""

    def started(self) -> None:
        """`on_start` has returned: work that is owed to the agent may begin, spawned."""

    def rest(self) -> None:
        """The life is about to end: nothing more is begun, and what only waits goes. May be called again."""

    async def end(self) -> None:
        """Nothing happens to the agent any more. Called also when the life has not come to a start."""
