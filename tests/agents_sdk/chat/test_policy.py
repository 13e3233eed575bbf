"""What becomes of messages that overlap."""

from __future__ import annotations

from typing import Any

import pytest

from agents_sdk import InvalidAgent
from agents_sdk.chat.policy import Concurrency, Debounce, Decision, concurrency, decide, merged
from agents_sdk.chat.shapes import Message, Part

WAIT = Decision()
CHOICES: list[Concurrency] = ["queue", "latest", "merge", "drop", "debounce", Debounce(2.0)]


@pytest.mark.parametrize("chosen", CHOICES)
def test_nothing_overlaps_where_nothing_runs(chosen: Concurrency) -> None:
    assert decide(chosen, busy=False, waiting=[], again=False) == WAIT
    assert decide(chosen, busy=True, waiting=["r1"], again=True) == WAIT


@pytest.mark.parametrize(
    ("chosen", "alone", "after_others"),
    [
        ("queue", WAIT, WAIT),
        ("drop", Decision(accept=False), Decision(accept=False)),
        ("latest", WAIT, Decision(skipped=("r1", "r2"))),
        ("merge", WAIT, Decision(skipped=("r1", "r2"), merge=True)),
        ("debounce", Decision(delay=0.75), Decision(skipped=("r1", "r2"), delay=0.75)),
        (Debounce(2.0), Decision(delay=2.0), Decision(skipped=("r1", "r2"), delay=2.0)),
        (Debounce(0.0), WAIT, Decision(skipped=("r1", "r2"))),
    ],
)
def test_what_overlaps(chosen: Concurrency, alone: Decision, after_others: Decision) -> None:
    assert decide(chosen, busy=True, waiting=[], again=False) == alone
    assert decide(chosen, busy=True, waiting=["r1", "r2"], again=False) == after_others


@pytest.mark.parametrize("chosen", CHOICES)
def test_what_a_class_may_choose(chosen: Concurrency) -> None:
    assert concurrency(chosen, of="Support") == chosen


@pytest.mark.parametrize("chosen", ["newest", None, 5, Debounce(-1.0), Debounce(float("nan"))])
def test_what_a_class_may_not_choose(chosen: object) -> None:
    with pytest.raises(InvalidAgent, match=r"Support\.message_concurrency is .*: give 'queue'"):
        concurrency(chosen, of="Support")


def said(*parts: str | Part, id: str = "u1", **more: Any) -> Message:
    made = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"id": id, "role": "user", "parts": made, **more}


FILE: Part = {"type": "file", "url": "data:,x", "mediaType": "text/plain"}


@pytest.mark.parametrize(
    ("messages", "one"),
    [
        ([said("a")], said("a")),
        ([said("a"), said("b", id="u2", mine=1)], said("a\n\nb", id="u2", mine=1)),
        ([said("a"), said(), said("b")], said("a\n\nb")),
        ([said("a", FILE), said("b")], said("a", FILE, "\n\nb")),
        ([said(FILE), said(FILE, "b")], said(FILE, "\n\n", FILE, "b")),
        ([said(), said("b")], said("b")),
        ([said("", FILE), said("", FILE)], said(FILE, "\n\n", FILE)),
        ([said("a", "b"), said("c")], said("ab\n\nc")),
    ],
)
def test_messages_that_become_one(messages: list[Message], one: Message) -> None:
    assert merged(messages) == one
