"""The way out of the network for URLs that somebody else may have chosen, loaded when it is first taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["guarded_client"]


def guarded_client(*, http: bool = False, hosts: Collection[str] = ()) -> httpx.AsyncClient:
    """A client of httpx that reaches public addresses by https only; every redirect is looked at again.

    `http=True` allows http, `hosts` names those that may resolve to anything. What is more than 10 MiB, or
    takes more than 30 seconds, raises an error of httpx.
    """
    from workflows.hooks import guard

    return guard.guarded_client(http=http, hosts=hosts)
