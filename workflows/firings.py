"""Workflows that cron expressions start: `schedules = [...]` of their classes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from workflows.backend import Backend, NewInstance
from workflows.definition import Definition
from workflows.timers.cron import Cron
from workflows.timers.realm import Timers
from workflows.timers.timer import Timer
from workflows.types import CronFiring

__all__ = ["REALM", "Firings", "firing_id"]

REALM = "cron"
"""Of the engine's timers: one for each expression of each workflow, whose owner is the workflow."""


class Firings:
    """Creates an instance for each time of each expression; times that were missed are one, the latest."""

    def __init__(self, timers: Timers, definitions: Mapping[str, Definition], backend: Backend) -> None:
        self._timers = timers
        self._definitions = definitions
        self._backend = backend

    async def open(self) -> None:
        """Brings the timers to what the classes say, and begins; workflows that are not here rest."""
        scheduled = [one for one in self._definitions.values() if one.schedules]
        wanted = {(one.name, _key(cron)) for one in scheduled for cron in one.schedules}
        for timer, owner, key in await self._timers.keys():
            if owner in self._definitions and (owner, key) not in wanted:
                await self._timers.cancel(timer)
        for one in scheduled:
            for cron in one.schedules:  # one that has a timer keeps it, and its next time
                await self._timers.add(one.name, "create", cron, key=_key(cron))
        if scheduled:
            await self._timers.serve(self._fire, owners=(one.name for one in scheduled))

    async def _fire(self, timer: Timer) -> None:
        assert isinstance(timer.when, Cron), "only cron expressions are added"
        definition = self._definitions[timer.owner]
        new = NewInstance(
            definition.name,
            firing_id(timer.when, timer.nominal),
            definition.dump_params({}),
            definition.kept(None),
            firing=CronFiring(timer.when.expression, timer.nominal),
        )
        await self._backend.create([new])  # None: a call before this one has created it


def firing_id(cron: Cron, time: datetime) -> str:
    """The id of the instance for this time: the same whenever it is created."""
    expression = hashlib.sha256(_key(cron).encode()).hexdigest()[:8]
    return f"cron-{expression}-{round(time.timestamp() * 1000)}"


def _key(cron: Cron) -> str:
    return f"{cron.expression} {cron.tz}"
