"""Who is sent what of an answer, and how those that come in the middle of it get all of it.

A connection that was told of an answer which it does not have yet is sent nothing of it until it
acknowledges. It then gets everything that was sent, in one piece with the switch to what comes live.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from agents_sdk import protocol
from agents_sdk.chat.stream import Stream
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from workflows import Clock

__all__ = ["Ending", "Expected", "Resuming"]

_HELD = 5.0  # seconds that the end of an answer waits for an acknowledgement
_REMEMBERED = 60.0  # seconds during which the chunks of an answer that has ended are at hand
_ASKED_AGAIN = 1.0  # seconds that a client which follows an answer, and asks, has for an acknowledgement
_MOST = 8  # answers that are remembered
_LARGE = 16 << 20  # characters of chunks, in all of those but the latest


@dataclass(frozen=True, slots=True)
class Expected:
    """A turn that was accepted, and of which nothing was sent."""

    request: str
    origin: Connection | None = None
    """Who submitted it, and needs not be told that it comes."""
    continuation: bool = False
    owner: Connection | None = None
    """Whose tool it goes on after: nobody else is told before it streams."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What follows the last chunk."""

    frames: tuple[protocol.ChatResponse, ...]
    transcript: Callable[[], protocol.ChatMessages] | None = None
    """The transcript as it is when it is asked; None when nothing was stored."""
    without: Connection | None = None
    """Who needs no transcript, as it has built the message itself."""
    answered: Callable[[], protocol.MessageUpdated | None] | None = None
    """The message as it is when it is asked, when its chunks do not say all of it.

    Clients put their chunks over what a transcript says, until the answer has ended for them.
    """


class Audience:
    """Which clients, by their ids, were there while an answer was sent: some leave, and come back."""

    def __init__(self, begun: set[str], *, unknown: bool) -> None:
        """`unknown`: those that saw some of it before a crash cannot be told from others."""
        self._seen = begun
        self._unknown = unknown
        self._told: set[str] = set()

    def add(self, id: str) -> None:
        """It comes in the middle."""
        self._seen.add(id)

    def ended(self, there: set[str]) -> None:
        """These have got the end."""
        self._told |= there

    def misses(self, id: str) -> bool:
        """It was there, and has not got the end; asked once."""
        missed = id not in self._told and (self._unknown or id in self._seen)
        self._told.add(id)
        return missed


class Resuming:
    """The handshake of one chat. Everything here is synchronous: nothing comes between its frames."""

    def __init__(
        self,
        connections: Connections,
        clock: Clock,
        *,
        expected: Callable[[], Collection[Expected]],
        transcript: Callable[[], protocol.ChatMessages],
    ) -> None:
        """`expected` are the accepted turns that have not begun to stream, the latest one last."""
        self._connections = connections
        self._clock = clock
        self._expected = expected
        self._transcript = transcript
        self._parked: dict[Connection, str] = {}
        self._active: Stream | None = None
        self._ended: dict[str, tuple[Stream, Ending]] = {}
        self._audiences: dict[str, Audience] = {}
        self._lost: set[Connection] = set()  # submitters that have asked for their own answer

    def begin(self, stream: Stream) -> None:
        """The first chunk is about to be sent: those that wait for the answer are told so."""
        for ended in list(self._ended.values()):  # what comes may go on with what they have not got yet
            self._release(*ended)
        self._active = stream
        begun = self._here() | ({stream.origin.id} if stream.origin is not None else set())
        self._audiences[stream.request] = Audience(begun, unknown=stream.is_taken_up or not begun)
        for connection in [one for one in self._parked if one is not stream.origin]:  # which waits for more
            del self._parked[connection]
            self._offer(connection, stream)
        stream.heard.update(one for one in self._connections if one not in stream.waiting)

    def send(self, stream: Stream, encoded: str) -> None:
        """Sends a chunk to all that are not waiting."""
        self._connections.send(encoded, without=stream.waiting)

    def end(self, stream: Stream, ending: Ending) -> None:
        """Sends what follows the last chunk; who has not acknowledged gets it with the rest, or later."""
        self._active = None
        if ending.without in self._lost:
            ending = replace(ending, without=None)
        self._lost.clear()
        self._ended[stream.request] = (stream, ending)
        self._end_for([one for one in self._connections if one not in stream.waiting], stream, ending)
        self._clock.call_later(_HELD, lambda: self._release(stream, ending))
        self._clock.call_later(_REMEMBERED, lambda: self._forget(stream.request))
        for request in self._excess():
            self._release(*self._ended.pop(request))

    def end_silently(self, request: str, ending: Ending) -> None:
        """A turn has ended of which nothing was streamed: those that were told of it wait in vain."""
        self.settle(request)
        self._send_end([*self._connections], ending)

    def settle(self, request: str) -> None:
        """Those that wait for this request wait in vain, and are told so."""
        for connection in [one for one, waits_for in self._parked.items() if waits_for == request]:
            del self._parked[connection]
            connection.send(protocol.encode(protocol.ResumeNone()))

    def forget(self) -> None:
        """The chat was cleared: nothing of its answers is shown any more."""
        for stream, ending in list(self._ended.values()):
            self._release(stream, Ending(ending.frames))
        self._ended.clear()
        self._audiences.clear()

    def greet(self, connection: Connection) -> None:
        """Tells a new connection of an answer that is under way, or will come."""
        if self._active is not None:
            if (audience := self._audiences.get(self._active.request)) is not None:
                audience.add(connection.id)
            self._offer(connection, self._active)
        elif expected := (
            self._expected_by(connection, continuation=False)
            or self._expected_by(connection, continuation=True)
        ):
            self._park(connection, expected)

    def request(self, connection: Connection, probe: str | None, *, failed: str | None = None) -> None:
        """Answers whether there is anything to resume; `failed` is a request that was given up."""
        active = self._active
        if owned := next((one for one in self._expected() if one.owner is connection), None):
            self._park(connection, owned.request, probe)
        elif self._is_submitter(connection):
            self._lost.add(connection)
            self._none(connection, "idle", probe)
        elif active is not None and _belongs_to_another(active.owner, connection):
            self._none(connection, "continuation-owned", probe)
        elif active is not None:
            self._offer(connection, active, probe)
        elif expected := self._expected_by(connection, continuation=True):
            self._park(connection, expected, probe)
        elif failed is not None:
            connection.send(protocol.encode(protocol.StreamResuming(id=failed, probe_id=probe)))
        elif expected := self._expected_by(connection, continuation=False):
            self._park(connection, expected, probe)
        else:
            missed = [one.misses(connection.id) for one in self._audiences.values()]
            if any(missed):
                connection.send(protocol.encode(self._transcript()))
            self._none(connection, "idle", probe)

    def acknowledge(self, connection: Connection, id: str) -> bool:
        """Sends all of the answer `id`; false: it is not known, and no other is under way."""
        active = self._active
        if active is not None and active.request == id:
            self._replay(connection, active)
            connection.send(protocol.encode(active.replayed()))
            if active.answered:
                connection.send(protocol.encode(protocol.MessageUpdated(message=active.message)))
            active.waiting.discard(connection)
            active.heard.add(connection)
            return True
        if active is None and id in self._ended:
            stream, ending = self._ended[id]
            stream.waiting.discard(connection)
            self._replay(connection, stream, shown=ending.transcript is not None)
            self._end_for([connection], stream, ending, replay=True)
            return True
        return active is not None

    def _here(self) -> set[str]:
        return {connection.id for connection in self._connections}

    def _excess(self) -> list[str]:
        """The oldest of the answers that have ended; never the latest one."""
        size = 0
        for place, (stream, _) in enumerate(reversed(self._ended.values())):
            size += stream.size if place else 0
            if place == _MOST or size > _LARGE:
                return list(self._ended)[: len(self._ended) - place]
        return []

    def _forget(self, request: str) -> None:
        self._ended.pop(request, None)
        self._audiences.pop(request, None)

    def _is_submitter(self, connection: Connection) -> bool:
        """It is sent the answer that is under way, or comes next, as it comes."""
        if self._active is not None:
            return self._active.origin is connection
        return any(one.origin is connection for one in self._expected())

    def _expected_by(self, connection: Connection, *, continuation: bool) -> str | None:
        """The request of the latest turn that this connection is to be told of."""
        for one in reversed([*self._expected()]):
            if one.continuation is continuation and not _belongs_to_another(one.owner, connection):
                return one.request
        return None

    def _none(
        self, connection: Connection, reason: Literal["idle", "continuation-owned"], probe: str | None
    ) -> None:
        connection.send(protocol.encode(protocol.ResumeNone(reason=reason, probe_id=probe)))

    def _offer(self, connection: Connection, stream: Stream, probe: str | None = None) -> None:
        stream.waiting.add(connection)
        if connection in stream.heard:
            self._clock.call_later(_ASKED_AGAIN, lambda: self._go_on(connection, stream))
        if stream.cut_back:
            connection.send(protocol.encode(self._transcript()))
        resuming = protocol.StreamResuming(id=stream.request, probe_id=probe)
        connection.send(protocol.encode(resuming))

    def _park(self, connection: Connection, request: str, probe: str | None = None) -> None:
        self._parked[connection] = request
        connection.send(protocol.encode(protocol.StreamPending(id=request, probe_id=probe)))

    def _go_on(self, connection: Connection, stream: Stream) -> None:
        """A client that followed the answer has asked what there is, and does without an acknowledgement."""
        if connection in stream.waiting and (stream is self._active or self._active is None):
            self.acknowledge(connection, stream.request)

    def _replay(self, connection: Connection, stream: Stream, *, shown: bool = False) -> None:
        for frame in stream.replay(shown=shown):
            connection.send(protocol.encode(frame))

    def _release(self, stream: Stream, ending: Ending) -> None:
        self._end_for([*stream.waiting], stream, ending)
        stream.waiting.clear()

    def _end_for(
        self, connections: Collection[Connection], stream: Stream, ending: Ending, *, replay: bool = False
    ) -> None:
        """Who has left without an acknowledgement has not got the end, and is sent the transcript later."""
        self._send_end(connections, ending, replay=replay)
        if (audience := self._audiences.get(stream.request)) is not None:
            audience.ended({one.id for one in connections if one.is_open})

    def _send_end(self, connections: Collection[Connection], ending: Ending, *, replay: bool = False) -> None:
        """Each frame is encoded once: a transcript may be long."""
        if not connections:
            return
        transcript = None if ending.transcript is None else protocol.encode(ending.transcript())
        last = [
            protocol.encode(frame.model_copy(update={"replay": True}) if replay else frame)
            for frame in ending.frames
        ]
        updated = None if ending.answered is None else ending.answered()
        if updated is not None:
            last.append(protocol.encode(updated))
        for connection in connections:
            if transcript is not None and connection is not ending.without:
                connection.send(transcript)
            for text in last:
                connection.send(text)


def _belongs_to_another(owner: Connection | None, connection: Connection) -> bool:
    return owner is not None and owner is not connection and owner.is_open
