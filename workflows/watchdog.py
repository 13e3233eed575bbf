"""Names the code that holds up an event loop on which engines run: while it does, nothing else goes on.

A thread asks the loop for an answer about once a second. It counts only the time in which it could look
itself, so a process that was stopped, or a machine that slept, is not taken for a loop that stands still.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from types import FrameType

from workflows.backend import Ref
from workflows.entry import Entry
from workflows.standing import is_ours, place_of, stack_of

__all__ = ["Watchdog"]

log = logging.getLogger("workflows")

_LIMIT = 10.0
_EVERY = 1.0
_JOIN = 1.0

_watching: dict[asyncio.AbstractEventLoop, Watchdog] = {}


class Watchdog:
    """The one of a loop, for all engines that are open on it; off while a debugger is at work."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float) -> None:
        """Tells of a loop that has not answered for `limit` seconds."""
        self._loop = loop
        self._limit = limit
        self._every = min(_EVERY, limit / 5)
        self._engines = 0
        self._answered = True
        self._thread_of_loop = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workflows watchdog", daemon=True)

    @classmethod
    def installed(cls, limit: float = _LIMIT) -> Watchdog:
        """The one of the running loop, for one more engine; the first one says the limit."""
        loop = asyncio.get_running_loop()
        watchdog = _watching.get(loop)
        if watchdog is None:
            watchdog = _watching[loop] = cls(loop, limit)
        watchdog.add()
        return watchdog

    def add(self) -> None:
        """One engine more."""
        self._engines += 1
        if self._engines == 1 and not _may_stop(sys.gettrace()):
            self._thread.start()

    def remove(self) -> None:
        """One engine less; the last one ends the thread."""
        self._engines -= 1
        if self._engines:
            return
        _watching.pop(self._loop, None)
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN)  # it may be inside of a log handler that waits for the loop

    def _answer(self) -> None:
        self._thread_of_loop = threading.get_ident()
        self._answered = True

    def _watch(self) -> None:
        stood, told, looked = 0.0, False, time.monotonic()
        while not self._over.wait(self._every):
            now = time.monotonic()
            seen, looked = min(now - looked, 2 * self._every), now
            if self._answered:
                if told:
                    log.warning("the event loop goes on; it stood still for %.1f s", stood + seen)
                stood, told, self._answered = 0.0, False, False
                if not self._ask():
                    return
            elif self._loop.is_running():
                stood += seen
                if stood >= self._limit and not told:
                    told = self._tell(stood)

    def _ask(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # it was closed, and the engines on it were not
            _watching.pop(self._loop, None)
            return False
        return True

    def _tell(self, stood: float) -> bool:
        frames = _frames(self._thread_of_loop)
        if not frames or _debugged(frames):
            return False
        log.error(
            "the event loop has stood still for %.1f s, and with it all that runs here: %s is at %s\n%s"
            "A step calls a plain `def` in a thread: let one do what blocks",
            stood,
            _whose(frames),
            place_of(frames),
            stack_of(frames),
        )
        return True


def _frames(thread: int) -> list[FrameType]:
    """What the thread is inside of, the innermost last."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  # the one way to see another thread
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _whose(frames: list[FrameType]) -> str:
    """The instance and the step whose code this is, as far as our own frames know."""
    for frame in reversed(frames):
        if not is_ours(frame):
            continue  # the variables of others are left alone
        names = frame.f_locals
        activation = names.get("activation") or getattr(names.get("run"), "activation", None)
        ref = getattr(activation, "ref", None)
        if isinstance(ref, Ref):
            entry = names.get("entry")
            step = f"step {entry.key}" if isinstance(entry, Entry) else "run(), outside of a step"
            return f'{ref.workflow} "{ref.id}", {step},'
    return "code outside of a step"


def _debugged(frames: list[FrameType]) -> bool:
    """Somebody looks at it in a debugger."""
    monitoring = getattr(sys, "monitoring", None)  # of Python 3.12
    if monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None:
        return True
    return any(_may_stop(frame.f_trace) for frame in frames)


def _may_stop(trace: object) -> bool:
    """A debugger may stop the program; what only counts lines, as coverage does, lets it go on."""
    owner = getattr(trace, "__self__", trace)
    return trace is not None and type(owner).__module__.partition(".")[0] != "coverage"
