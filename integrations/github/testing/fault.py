"""What a fake GitHub does instead of answering as it should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Asked", "Fault"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    """Below the root of the API, without the query."""
    authorization: str
    body: bytes = b""


@dataclass(slots=True)
class Fault:
    """For the next `times` requests of `method` whose path ends with `path`.

    With `done` the request takes effect, and the answer is another one nevertheless: as when it is lost.
    """

    status: int
    method: str = "GET"
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "fault"
    times: int = 1
    done: bool = False
    content: object = None
    """In place of an object with the message."""

    def fits(self, asked: Asked) -> bool:
        """Whether it is meant for this request."""
        return self.times > 0 and asked.method == self.method and asked.path.endswith(self.path)
