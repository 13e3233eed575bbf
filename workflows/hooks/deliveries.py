"""`Deliveries`: tells hooks of the end of instances, at least once, whatever happens in between."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from workflows import notice
from workflows.binding import Binding
from workflows.clock import Clock
from workflows.definition import Definition
from workflows.errors import NonRetryableError
from workflows.hooks.hook import AnyHook, Finished, Hook, place_of
from workflows.notice import Told
from workflows.timers.realm import Timers
from workflows.timers.timer import Due, State, Timer
from workflows.timers.timetable import Timetable
from workflows.types import Status

__all__ = ["Deliver", "Deliveries", "Delivery"]

Deliver = Callable[[Any, Finished], Awaitable[None]]
"""Takes a hook, and what it is told."""

_REALM = "hooks"
"""Of the engine's timers: owned by the workflow, named like the hook. Each place has a realm of its own."""
_log = logging.getLogger("workflows")

_MOST_RUNNING = 100
_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a hook is still to be told, or could not be told: then it is dead, and `last_error` says why."""

    id: int
    workflow: str
    hook: str
    instance: str
    status: Status
    """How the instance ended."""
    state: State
    attempts: int
    """How often it was tried."""
    due: datetime
    """When it is tried next."""
    last_error: str | None


class Deliveries:
    """The deliveries of an engine."""

    def __init__(
        self,
        timetable: Timetable,
        definitions: Mapping[str, Definition],
        clock: Clock,
        *,
        env: Any,
        bindings: Callable[[Any], Binding[Any]],
    ) -> None:
        self._timetable = timetable
        self._definitions = definitions
        self._clock = clock
        self._env = env
        self._bindings = bindings
        self._places = {"", *(place_of(hook) for one in definitions.values() for hook in _all(one))}

    async def open(self) -> None:
        """Begins to deliver; hooks that have a place wait for who serves it."""
        mine = self._timers("")
        if any(not place_of(hook) for one in self._definitions.values() for hook in _all(one)) or (
            await mine.find(state="pending", limit=1)
        ):
            await self.serve("", lambda hook, finished: cast(Hook, hook).deliver(finished))

    async def serve(self, place: str, deliver: Deliver) -> None:
        """Delivers the hooks of a place by `deliver`, from now on until `rest`; those that waited come now.

        Hooks of workflows that this engine was not given wait on.
        """
        self._places.add(place)

        async def fire(timer: Timer) -> None:
            hook, finished = self._read(timer, place)
            await deliver(hook, finished)

        await self._timers(place).serve(fire, owners=self._definitions, most_running=_MOST_RUNNING)

    async def rest(self, place: str, grace: float = _GRACE) -> None:
        """Delivers nothing more of a place; what runs on after `grace` seconds is cut off and comes again."""
        await self._timers(place).close(grace)

    async def list(
        self, workflow: str | None = None, *, state: State | None = None, limit: int = 100
    ) -> list[Delivery]:
        """What is still to be delivered, and what is dead, the soonest first."""
        found = [
            timer
            for place in sorted(self._places)
            for timer in await self._timers(place).find(workflow, state=state, limit=limit)
        ]
        found.sort(key=lambda timer: (timer.due, timer.id))
        for timer in found:
            if timer.damaged:
                _log.error("delivery %d cannot be shown: %s", timer.id, timer.last_error)
        return [_shown(timer) for timer in found if not timer.damaged][:limit]

    async def redrive(self, delivery: int) -> bool:
        """Tries a dead delivery again, with all its attempts; false when it is not dead."""
        return any([await self._timers(place).redrive(delivery) for place in self._places])

    async def drop(self, delivery: int) -> bool:
        """Gives a delivery up; false when there is none, or it is under way."""
        return any([await self._timers(place).cancel(delivery) for place in self._places])

    def told(self, workflow: str, status: Status) -> Told | None:
        """See `Tell`."""
        definition = self._definitions.get(workflow)
        hooks = None if definition is None else definition.hooks.at(status)
        if not hooks:
            return None
        calls = tuple((_realm(place_of(hook)), name) for name, hook in hooks.items())
        return Told(uuid.uuid4().hex, calls)

    def due(self, dues: Iterable[Due]) -> None:
        """See `Tell`."""
        for due in dues:
            self._timetable.of(due.realm).written(due)

    def _timers(self, place: str) -> Timers:
        return self._timetable.of(_realm(place))

    def _read(self, timer: Timer, place: str) -> tuple[AnyHook, Finished]:
        assert timer.payload is not None, "a delivery has something to tell"
        told = notice.read(timer.payload)
        definition = self._definitions[timer.owner]
        hook = definition.hooks.at(told.status).get(timer.method)
        if hook is None or place_of(hook) != place:
            kind = "on_complete" if told.status == "complete" else "on_failure"
            raise NonRetryableError(
                f'{kind} of {timer.owner} has no "{timer.method}" any more: list it, or drop the delivery'
            )
        return hook, Finished(
            workflow=timer.owner,
            id=told.id,
            status=cast(Any, told.status),
            output=None if told.output is None else definition.output.decode(told.output),
            error=told.error,
            created_at=_moment(told.created_at),
            finished_at=_moment(told.finished_at),
            delivery=str(uuid.uuid5(uuid.UUID(told.end), timer.method)),
            attempt=timer.attempt,
            at=_moment(self._clock.now()),
            env=self._env,
            bindings=self._bindings,
        )


def _all(definition: Definition) -> Iterable[AnyHook]:
    return (*definition.hooks.complete.values(), *definition.hooks.failure.values())


def _realm(place: str) -> str:
    return f"{_REALM} {place}".strip()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _shown(timer: Timer) -> Delivery:
    assert timer.payload is not None, "a delivery has something to tell"
    told = notice.read(timer.payload)
    return Delivery(
        id=timer.id,
        workflow=timer.owner,
        hook=timer.method,
        instance=told.id,
        status=told.status,
        state=timer.state,
        attempts=timer.attempt,
        due=timer.due,
        last_error=timer.last_error,
    )
