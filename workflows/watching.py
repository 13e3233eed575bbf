"""Watching an instance or a step: what the ledger has, then what becomes durable while one looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from workflows.backend import Ref, Seen
from workflows.chunks import Chunk, Chunks
from workflows.entry import Key
from workflows.errors import StoreError
from workflows.ledger import Ledger
from workflows.lifecycle import ENDS
from workflows.reading import Reading
from workflows.runs import Runs

__all__ = ["read", "watch"]


async def watch(ref: Ref, cursor: int, *, ledger: Ledger, runs: Runs) -> AsyncIterator[Seen]:
    """See `Backend.watch`."""
    audience = runs.audiences[ref.incarnation]
    queue = audience.join()
    try:
        moments, entries = await ledger.history(ref.incarnation)
        history = [Seen(moment, None) for moment in moments]
        history += [Seen(moment, entry) for entry in entries for moment in entry.moments]
        history.sort(key=lambda seen: seen.moment.order)
        last = 0
        for seen in history:
            last = seen.moment.order
            if last > cursor:
                yield seen
        lease = runs.leases.get(ref.incarnation)
        if lease is None:
            _raise_what_was_told(queue)
            return
        if lease.broken is not None:
            raise lease.broken
        async for seen in _live(queue, last):
            if seen.moment.order > cursor:
                yield seen
    finally:
        audience.leave(queue)
        if ref.incarnation not in runs.leases:
            runs.audiences.pop(ref.incarnation, None)


async def read(ref: Ref, key: Key, offset: int, *, chunks: Chunks, runs: Runs) -> AsyncIterator[Chunk]:
    """See `Backend.stream`."""
    audience = runs.audiences[ref.incarnation]
    bell = audience.attend(key)
    reading = Reading(chunks, ref.incarnation, key, offset, bell)
    try:
        while True:
            lease = runs.leases.get(ref.incarnation)
            page = await reading.page(live=lease is not None and lease.broken is None)
            if page is None:
                if lease is not None and lease.broken is not None:
                    raise lease.broken
                return
            for chunk in page:
                yield chunk
    except StoreError:
        if bell.error is not None:  # the engine was closed meanwhile, and the file with it
            raise bell.error from None
        raise
    finally:
        audience.dismiss(bell)
        if ref.incarnation not in runs.leases:
            runs.audiences.pop(ref.incarnation, None)


def _raise_what_was_told(queue: asyncio.Queue[Seen | Exception | None]) -> None:
    """The lease is gone: either the instance has ended, or something says here why it will not be seen."""
    while not queue.empty():
        if isinstance(told := queue.get_nowait(), Exception):
            raise told


async def _live(queue: asyncio.Queue[Seen | Exception | None], last: int) -> AsyncIterator[Seen]:
    """Moments of `queue` after `last`, until the one that ends the instance."""
    while True:
        seen = await queue.get()
        if seen is None:
            last = 0
        elif isinstance(seen, Exception):
            raise seen
        elif seen.moment.order > last:
            last = seen.moment.order
            yield seen
            if seen.moment.type in ENDS:
                return
