"""What the official client makes of the frames of a chat: the messages on a screen, and what it answers."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Screen"]

Frame = dict[str, Any]
RESPONSE = "cf_agent_use_chat_response"


@dataclass
class Answer:
    """The chunks of one answer, as a client puts them together."""

    continuation: bool
    message: Frame | None = None
    fresh: bool = False
    """It has not begun to show anything of this stream."""

    def apply(self, chunk: Frame, messages: list[Frame]) -> None:
        """Takes the next one; a continuation goes on with the last answer on the screen."""
        if self.message is None:
            last = [one for one in messages if one["role"] == "assistant"][-1:] if self.continuation else []
            begun = last[0] if last else {"id": chunk.get("messageId", "?"), "role": "assistant", "parts": []}
            self.message = copy.deepcopy(begun)
        parts = self.message["parts"]
        match chunk["type"]:
            case "start" if "messageId" in chunk:
                assert not self.continuation, "a continuation names its message"
                self.message["id"] = chunk["messageId"]
            case "text-start":
                parts.append({"type": "text", "text": "", "state": "streaming"})
            case "text-delta":
                _last(parts, "text")["text"] += chunk["delta"]
            case "text-end":
                _last(parts, "text")["state"] = "done"
            case "tool-input-available":
                parts.append(
                    {
                        "type": f"tool-{chunk['toolName']}",
                        "toolCallId": chunk["toolCallId"],
                        "toolName": chunk["toolName"],
                        "state": "input-available",
                        "input": chunk["input"],
                    }
                )
            case "tool-approval-request":
                part = next(one for one in parts if one.get("toolCallId") == chunk["toolCallId"])
                part |= {"state": "approval-requested", "approval": {"id": chunk["approvalId"]}}

    def show(self, messages: list[Frame]) -> None:
        """Puts what has come onto the screen."""
        if self.message is None or not self.message["parts"]:
            return
        shown = copy.deepcopy(self.message)
        for at, one in enumerate(messages):
            if one["id"] == shown["id"]:
                messages[at] = shown
                return
        messages.append(shown)


@dataclass
class Screen:
    """One client, over its reconnects; `faults` are the promises that it saw broken."""

    name: str
    messages: list[Frame] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    """Requests of which this connection expects the end."""
    ends: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, str] = field(default_factory=dict)
    probes: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    pending: bool = False
    stale: bool = False
    """It may have missed what nobody tells it."""
    said: set[str] = field(default_factory=set)
    """Ids of messages that it has said and was not told of since."""
    loose: bool = False
    """It has got an answer of its own since its last transcript: it knows the text, but not the place."""
    offered: list[str] = field(default_factory=list)
    """What it has not acknowledged yet."""
    answers: dict[str, Answer] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    """Requests, and ids of messages, that it has cleared itself: more of them may be on its way."""
    _acked: set[str] = field(default_factory=set)
    _heard: set[str] = field(default_factory=set)
    """Answers of which this connection has got something: it may ask, and then not acknowledge."""
    _next: dict[str, int] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    """Ends that came before a transcript; a clear excuses them."""
    _doubtful: set[str] = field(default_factory=set)
    _unsaid: set[str] = field(default_factory=set)
    """Answers of which chunks came since the last transcript."""

    def connected(self) -> None:
        """A new socket: numbers and offers begin anew."""
        self.own.clear()
        self.said.clear()
        self._next.clear()
        self.offered.clear()
        self._acked.clear()
        self._heard.clear()
        self.answers.clear()
        self._unsaid.clear()
        self.probes.clear()
        self.pending = False

    def probe(self, id: str) -> Frame:
        """Asks for what is under way."""
        self.probes[id] = 0
        return {"type": "cf_agent_stream_resume_request", "probeId": id}

    def ack(self, id: str) -> Frame:
        """It is ready for what it was offered."""
        self.offered.remove(id)
        self._acked.add(id)
        return {"type": "cf_agent_stream_resume_ack", "id": id}

    def clear(self) -> Frame:
        """Empties the chat."""
        self.untold.clear()
        self._gone |= {
            *self.answers,
            *self.own,
            *self.offered,
            *self._acked,
            *(one["id"] for one in self.messages),
        }
        self.messages.clear()
        self.answers.clear()
        return {"type": "cf_agent_chat_clear"}

    def take(self, frame: Frame) -> None:
        """The next frame."""
        self.frames.append(frame)
        self._answered(frame)
        match frame["type"]:
            case "cf_agent_chat_clear":
                self.untold.clear()
                self.messages.clear()
                self.answers.clear()
                self.stale = False
            case "cf_agent_chat_messages":
                self._transcript(frame["messages"])
            case "cf_agent_message_updated":
                self._updated(frame["message"])
            case "cf_agent_stream_pending":
                self.pending = True
            case "cf_agent_stream_resume_none":
                self.pending = False
            case "cf_agent_stream_resuming":
                self.pending = False
                if frame["id"] not in self._acked and frame["id"] not in self.offered:
                    self.offered.append(frame["id"])
            case type if type == RESPONSE:
                self._response(frame)

    def _answered(self, frame: Frame) -> None:
        probe = frame.get("probeId")
        if probe is not None:
            if self.probes.get(probe, 1):
                self.faults.append(f"probe {probe} was answered again, or never asked: {frame}")
            self.probes[probe] = 1

    def _transcript(self, messages: list[Frame]) -> None:
        ids = [one["id"] for one in messages]
        if len(ids) != len(set(ids)):
            self.faults.append(f"a transcript holds a message twice: {ids}")
        before = self.messages
        self.messages = copy.deepcopy(messages)
        self._unsaid.clear()
        self.stale = bool(self._gone.intersection(ids))
        self.loose = False
        self.said -= set(ids)
        for answer in self.answers.values():
            made = answer.message
            if made is None or not made["parts"]:
                continue
            known = next((one for one in self.messages if one["id"] == made["id"]), None)
            if known is not None:
                if len(made["parts"]) >= len(known["parts"]) and _text(made).startswith(_text(known)):
                    answer.show(self.messages)
                continue
            at = next((at for at, one in enumerate(before) if one["id"] == made["id"]), None)
            anchor = before[at - 1]["id"] if at else None
            ids = [one["id"] for one in self.messages]
            self.messages.insert(ids.index(anchor) + 1 if anchor in ids else len(ids), copy.deepcopy(made))

    def _updated(self, message: Frame) -> None:
        for at, one in enumerate(self.messages):
            if one["id"] == message["id"]:
                self.messages[at] = copy.deepcopy(message)  # until the next chunk of it, which does not know

    def _response(self, frame: Frame) -> None:
        id = frame["id"]
        if frame.get("replay") and id not in self._acked | self._heard:
            self.faults.append(f"{id} was replayed without an acknowledgement")
        if id in self.offered and "seq" in frame and id not in self._heard:
            self.faults.append(f"{id} was sent before its acknowledgement: {frame}")
        if frame["body"].startswith("{") and id not in self._gone:
            self._chunk(frame, json.loads(frame["body"]))
        if frame.get("replayComplete") and id in self.answers:
            self.answers[id].show(self.messages)
        if frame["done"]:
            self._end(frame)

    def _chunk(self, frame: Frame, chunk: Frame) -> None:
        id, seq, replay = frame["id"], frame["seq"], bool(frame.get("replay"))
        if replay and seq == 0:
            self._next[id] = 0
            self.answers[id] = Answer(bool(frame.get("continuation")))
        if seq != self._next.get(id, 0):
            self.faults.append(f"{id}: chunk {seq} came, {self._next.get(id, 0)} was next")
        self._next[id] = seq + 1
        self._heard.add(id)
        self._unsaid.add(id)
        if frame.get("continuation") and seq == 0 and self.loose:  # it may not know which answer is the last
            self._doubtful.add(id)
        answer = self.answers.setdefault(id, Answer(bool(frame.get("continuation"))))
        answer.apply(chunk, self.messages)
        if not replay:
            answer.show(self.messages)

    def _end(self, frame: Frame) -> None:
        id = frame["id"]
        self.ends[id] += 1
        self.loose = self.loose or id in self.own
        self.outcomes[id] = frame.get("outcome") or ("error" if frame.get("error") else "completed")
        if id in self.offered:
            self.offered.remove(id)
        if id in self._unsaid - self.own - self._gone and self.outcomes[id] == "completed":
            self.untold.append(f"the end of {id} came before the transcript")
        self._unsaid.discard(id)
        self.stale = self.stale or id in self._doubtful
        answer = self.answers.pop(id, None)
        if answer is not None and answer.message is not None:
            for part in answer.message["parts"]:
                if part.get("state") == "streaming":
                    part["state"] = "done"
            known = next((one for one in self.messages if one["id"] == answer.message["id"]), None)
            if known is None or _text(answer.message).startswith(_text(known)):
                answer.show(self.messages)


def _text(message: Frame) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def _last(parts: list[Frame], type: str) -> Frame:
    return next(part for part in reversed(parts) if part["type"] == type)
