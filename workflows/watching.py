"""Watching an instance or a step: what the ledger has, then what becomes durable while one looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from workflows.backend import Ref, Seen
from workflows.entry import Key, Moment
from workflows.errors import StoreError
from workflows.ledger import Ledger
from workflows.lifecycle import ENDS
from workflows.runs import Runs
from workflows.streams.chunks import Chunk
from workflows.streams.reading import Reading
from workflows.types import FINAL

__all__ = ["read", "watch"]


async def watch(ref: Ref, cursor: int, *, ledger: Ledger, runs: Runs) -> AsyncIterator[Seen]:
    """See `Backend.watch`."""
    audience = runs.audiences[ref.incarnation]
    queue = audience.join()
    try:
        await _overhear(ref, runs)
        moments, entries = await ledger.history(ref.incarnation)
        history = [Seen(moment, None) for moment in moments]
        history += [Seen(moment, entry) for entry in entries for moment in entry.moments]
        history.sort(key=lambda seen: seen.moment.order)
        goes_on = _goes_on(moments) and ref.workflow in runs.workflows
        last = 0
        for seen in history:
            last = seen.moment.order
            if last > cursor:
                yield seen
        if not goes_on:
            return
        if (broken := runs.broken(ref.incarnation)) is not None:
            raise broken
        async for seen in _live(queue, last):
            if seen.moment.order > cursor:
                yield seen
    finally:
        audience.leave(queue)
        runs.left_alone(ref.incarnation)


async def read(ref: Ref, key: Key, offset: int, *, ledger: Ledger, runs: Runs) -> AsyncIterator[Chunk]:
    """See `Backend.stream`."""
    audience = runs.audiences[ref.incarnation]
    bell = audience.attend(key)
    reading = Reading(ledger.chunks, ref.incarnation, key, offset, bell)
    try:
        await _overhear(ref, runs)
        while True:
            broken = runs.broken(ref.incarnation)
            live = ref.incarnation in runs.leases or await _is_parked(ref, ledger, runs)
            page = await reading.page(live=live and broken is None)
            if page is None:
                if broken is not None:
                    raise broken
                return
            for chunk in page:
                yield chunk
    except StoreError:
        if bell.error is not None:  # the engine was closed meanwhile, and the file with it
            raise bell.error from None
        raise
    finally:
        audience.dismiss(bell)
        runs.left_alone(ref.incarnation)


async def _overhear(ref: Ref, runs: Runs) -> None:
    if (lease := runs.leases.get(ref.incarnation)) is not None:
        await lease.overheard()


def _goes_on(moments: Iterable[Moment]) -> bool:
    """An instance with this history is there and has not ended."""
    types = {moment.type for moment in moments}
    return bool(types) and not types & ENDS


async def _is_parked(ref: Ref, ledger: Ledger, runs: Runs) -> bool:
    """It is only a row now, and somebody will lease it again."""
    if ref.workflow not in runs.workflows:
        return False
    kept = await ledger.read(ref.incarnation)
    return kept is not None and kept.status not in FINAL


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
