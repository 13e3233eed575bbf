"""One instance under test: the `Rehearsal` that its steps ask, made of the rules that hold for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workflows.entry import Key
from workflows.rehearsal import Mocked, Resting
from workflows.testing.rules import Rules

__all__ = ["Rehearsed"]


class Rehearsed:
    """`Rehearsal` of one instance: earlier rules come before later ones."""

    def __init__(self, *rules: Rules) -> None:
        self.rules = list(rules)
        self.events: list[tuple[str, Mocked]] = []
        """Mocked events that nobody has received, oldest first: they were there before the instance."""
        self.exists = asyncio.Event()
        """The instance was created, or has been seen at work."""
        self._rest_watchers: list[Callable[[], object]] = []
        self._activation: Resting | None = None

    def attempt(self, key: Key, number: int) -> Callable[[], object] | None:
        """See `Rehearsal.attempt`."""
        found = (rules.attempt(key, number) for rules in self.rules)
        return next((stand_in for stand_in in found if stand_in is not None), None)

    def skips(self, activation: Resting, key: Key) -> bool:
        """See `Rehearsal.skips`."""
        if any(rules.skips(key) for rules in self.rules):
            return True
        self.rests(activation)
        return False

    def receives(self, activation: Resting, key: Key, type: str) -> Mocked | None:
        """See `Rehearsal.receives`."""
        if any(key in rules.timeouts for rules in self.rules):
            return Mocked(None)
        for place, (mocked_type, mocked) in enumerate(self.events):
            if mocked_type == type:
                del self.events[place]
                return mocked
        self.rests(activation)
        return None

    def rests(self, activation: Resting) -> None:
        """See `Rehearsal.rests`; also called just before a wait begins, so it is looked at a turn later."""
        self._activation = activation
        self.exists.set()
        if self._rest_watchers:
            asyncio.get_running_loop().call_soon(self._look)

    def watch_rest(self, watcher: Callable[[], object]) -> None:
        """`watcher` is called whenever nothing of the instance runs and it waits; at once if it does now."""
        self._rest_watchers.append(watcher)
        self._look()

    def leave_rest(self, watcher: Callable[[], object]) -> None:
        """`watcher` is not called any more."""
        self._rest_watchers.remove(watcher)

    def _look(self) -> None:
        activation = self._activation
        if activation is None or activation.running or not activation.waiting:
            return
        if activation.status == "running":
            for watcher in tuple(self._rest_watchers):
                watcher()
