"""Waiting by the clock for something that may come before."""

from __future__ import annotations

import asyncio

from workflows import Clock

__all__ = ["come_or"]


async def come_or(clock: Clock, seconds: float, coming: asyncio.Event) -> bool:
    """Waits for `coming`, at most so long; says whether it has come."""
    over = asyncio.Event()
    alarm = clock.call_later(seconds, over.set)
    waits = [asyncio.ensure_future(one.wait()) for one in (coming, over)]
    try:
        with clock.waiting():
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
        for wait in waits:
            wait.cancel()
    return coming.is_set()
