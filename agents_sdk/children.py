"""The sub-agents of an agent: made by it or by who connects, ended by it, and with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents_sdk.address import Address
from agents_sdk.connection import Closing
from agents_sdk.directory import Directory, SubAgent
from agents_sdk.part import Part
from agents_sdk.reach import Reach

__all__ = ["Children"]

_DELETED = Closing(1001, "Sub-agent deleted")

Class = type[Any] | str
"""A class of the app, or the name of one, of which the code may be gone."""


class Children(Part):
    """The sub-agents of one agent: they are its own, whatever other agents have the same class and name."""

    def __init__(self, address: Address, number: int, reach: Reach, directory: Directory) -> None:
        self._address = address
        self._number = number
        self._reach = reach
        self._directory = directory

    def class_name(self, cls: type[Any]) -> str:
        """The name of a class that the app was given; raises `UnknownAgent`."""
        return self._reach.class_name(cls)

    async def get(self, cls: Class, name: str) -> Any:
        """See `Agent.sub_agent`."""
        named = cls if isinstance(cls, str) else self._reach.class_name(cls)
        return await self._reach.sub_agent(self._child(named, name))

    async def has(self, cls: Class, name: str) -> bool:
        """Whether there is such a sub-agent, living or not."""
        return await self._directory.find(self._child(_named(cls), name)) is not None

    async def list(self, cls: Class | None = None) -> Sequence[SubAgent]:
        """The sub-agents, those of a class or all, the oldest first."""
        return await self._directory.children(self._number, None if cls is None else _named(cls))

    async def abort(self, cls: Class, name: str, reason: str = "") -> bool:
        """Cuts off all that is under way in a sub-agent and below it, at once, as a crash would.

        What it keeps stays. Calls that wait for it raise `Aborted`; its clients are closed (1012) and come
        back. It lives anew when it is next needed. False: it does not live.
        """
        return self._reach.abort(self._child(_named(cls), name), reason)

    async def delete(self, cls: Class, name: str) -> bool:
        """Ends a sub-agent for good, and all below it, as `destroy` does; its clients are closed (1001).

        Durable when it returns. A client that comes back makes a new one, unless `on_before_sub_agent`
        refuses it. False: there is none.
        """
        listed = await self._directory.find(self._child(_named(cls), name))
        return listed is not None and await self._reach.destroy(listed.id, _DELETED)

    def _child(self, cls: str, name: str) -> Address:
        return self._address.child(self._number, cls, name)


def _named(cls: Class) -> str:
    return cls if isinstance(cls, str) else cls.__name__
