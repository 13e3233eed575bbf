"""`step.wait_for_event`: the oldest event of a type that no older wait gets, or a time-out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from workflows import codec, failure
from workflows.backend import InboxEvent, NewMoment
from workflows.duration import YEAR, Duration, seconds
from workflows.entry import Entry, Key, State
from workflows.errors import InvalidDuration, InvalidPayload, WorkflowError, WorkflowTimeoutError
from workflows.run import Run
from workflows.typed import TypedCodec, first_line
from workflows.types import ReceivedEvent

__all__ = ["Receive", "event_type"]

_TYPE = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}")

_IN_NO_INBOX = 0


def event_type(type: object) -> str:
    """`type`, when it is one that an event may have."""
    if not isinstance(type, str) or not _TYPE.fullmatch(type):
        raise WorkflowError(
            f"workflow.invalid_event_type: {type!r}; use letters, digits, _ and -, at most 100, not - first"
        )
    return type


class Receive:
    """The `Operation` of `step.wait_for_event`."""

    __slots__ = ("_payload", "_run", "_timeout", "_type", "key", "unseen")

    def __init__(
        self,
        run: Run,
        key: Key,
        type: str,
        *,
        payload: TypedCodec[Any],
        timeout: Duration,
    ) -> None:
        self.key = key
        self.unseen: list[NewMoment] = []
        self._run = run
        self._type = type
        self._payload = payload
        self._timeout = timeout

    def started(self) -> Entry:
        """See `Operation.started`."""
        event_type(self._type)
        limit = seconds(self._timeout, what="timeout", limit=YEAR)
        if limit <= 0:
            raise InvalidDuration(f"timeout {self._timeout!r} must be more than 0")
        self.unseen.append(self._run.moment("wait_started", event_type=self._type, timeout=limit))
        due = self._run.clock.now() + limit
        return Entry(self.key, self._run.next_ordinal(), State.WAITING, due=due)

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        run = self._run
        await run.begin_wait(self, entry)
        event = await self._event(entry)
        if event is None:
            return await self._timed_out(entry)
        entry.state, entry.result = State.DONE, _stored(event)
        if (misfit := self._misfit(event)) is not None:
            entry.state, entry.error = State.FAILED, failure.dump(misfit, run.classes)
        await run.record(entry, run.moment("wait_completed"), consume=event.number or None)
        return None

    def outcome(self, entry: Entry) -> ReceivedEvent[Any]:
        """See `Operation.outcome`."""
        if entry.error is not None:
            raise failure.load(entry.error, self._run.classes)
        assert entry.result is not None
        event = codec.decode(entry.result)
        at = datetime.fromtimestamp(event["at"], UTC)
        return ReceivedEvent(self._payload.validate(event["payload"]), at, event["type"])

    async def _event(self, entry: Entry) -> InboxEvent | None:
        run = self._run
        rehearsal = run.rehearsal
        mocked = None if rehearsal is None else rehearsal.receives(run.activation, self.key, self._type)
        if mocked is None:
            return await run.waits.event(entry, self._type)
        if mocked.payload is None:
            return None
        return InboxEvent(_IN_NO_INBOX, self._type, mocked.payload, run.clock.now())

    async def _timed_out(self, entry: Entry) -> None:
        started = next((m for m in entry.moments if m.type == "wait_started"), None)
        limit = seconds(self._timeout) if started is None else started.detail["timeout"]
        error = WorkflowTimeoutError(f"Execution timed out after {limit * 1000:.0f}ms")
        entry.state, entry.error = State.FAILED, failure.dump(error, self._run.classes)
        await self._run.record(entry, self._run.moment("wait_timed_out"))

    def _misfit(self, event: InboxEvent) -> InvalidPayload | None:
        try:
            self._payload.validate(codec.decode(event.payload))
        except ValidationError as error:
            return InvalidPayload(
                f'the payload of event "{self._type}" does not fit step "{self.key}": {first_line(error)}'
            )
        return None


def _stored(event: InboxEvent) -> bytes:
    """The event as the codec would store it; its payload is encoded already."""
    head = orjson.dumps({"type": event.type, "at": event.at})
    return head[:-1] + b',"payload":' + event.payload + b"}"
