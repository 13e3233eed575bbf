"""Sessions of an agent with planted facts, and much else around them that looks alike."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.compaction import Message, Rule, from_wire

__all__ = ["DEPTHS", "KINDS", "Fact", "Session", "session"]

KINDS = (
    "standing rule",
    "path in a tool call",
    "id in a tool call",
    "number in a text",
    "decision with its reason",
    "failed attempt",
)
DEPTHS = (10, 50, 90)
"""Percent of the first part, at whose end the session is compacted for the first time."""
EACH = 2  # facts of each kind at each depth

_THINGS = (
    "parser", "cache", "index", "queue", "router", "ledger", "writer", "loader", "mapper", "packer",
    "planner", "runner",
)  # fmt: skip
_WORDS = (
    "the", "team", "looked", "at", "this", "part", "again", "and", "found", "it", "in", "good", "order",
    "although", "some", "names", "could", "be", "clearer", "while", "others", "read", "well", "nobody", "had",
    "a", "strong", "wish", "to", "touch", "them", "before", "next", "release", "comes", "around",
)  # fmt: skip

Wire = dict[str, object]


@dataclass(frozen=True, slots=True)
class Fact:
    """What was planted: all of `marks` must be there for it to be known."""

    kind: str
    depth: int
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A history that may be cut anywhere behind its first part."""

    messages: list[Message]
    first_part: int
    facts: list[Fact]
    rules: tuple[Rule, ...]


def session(seed: int, turns: int = 260, first_part: int = 60) -> Session:
    """Of so many turns, of which the facts stand in the first ones."""
    dice = random.Random(seed)
    planted = {first_part * depth // 100: depth for depth in DEPTHS}
    wires: list[Wire] = [
        {"role": "system", "content": "You work on a repository."},
        {"role": "user", "content": "Go through the modules and repair what is broken."},
    ]
    facts: list[Fact] = []
    rules: list[Rule] = []
    end = 0
    for turn in range(turns):
        if turn == first_part:
            end = len(wires)
        if turn in planted:
            for _ in range(EACH):
                for kind in KINDS:
                    fact, more = _planted(kind, planted[turn], dice)
                    facts.append(fact)
                    wires += more
                    if kind == "standing rule":
                        rules.append(Rule(text=fact.marks[0], message_id=f"m{len(wires)}"))
        wires += _work(turn, dice)
    return Session(from_wire(wires), end, facts, tuple(rules))


def _planted(kind: str, depth: int, dice: random.Random) -> tuple[Fact, list[Wire]]:
    marks: tuple[str, ...]
    more: list[Wire]
    number, thing, other = dice.randrange(10_000, 99_999), dice.choice(_THINGS), dice.choice(_THINGS)
    match kind:
        case "standing rule":
            marks = (f"Never touch {thing}_{number}.py without asking me.",)
            more = [{"role": "user", "content": f"One more thing. {marks[0]} Go on."}]
        case "path in a tool call":
            marks = (f"src/{thing}/{other}_{number}.py",)
            more = list(_call("edit_file", {"path": marks[0], "text": _prose(dice, 3)}, "edited", dice))
        case "id in a tool call":
            marks = (f"A-{number}",)
            more = list(_call("find_order", {"order_id": marks[0]}, _prose(dice, 4), dice))
        case "number in a text":
            marks = (str(number),)
            more = [_answer(f"The {thing} holds {number} rows.", dice)]
        case "decision with its reason":
            marks = (f"the {thing}_{number}", f"the {other} has only one lock")
            text = f"We decided to keep {marks[0]} because {marks[1]}."
            more = [_answer(text, dice)]
        case _:
            marks = (f"{thing}-kit {number % 90 + 10}.4", f"missing symbol {other}_{number}")
            text = f"I tried {marks[0]}, which failed with {marks[1]}."
            more = [_answer(text, dice)]
    return Fact(kind, depth, marks), more


def _answer(text: str, dice: random.Random) -> Wire:
    return {"role": "assistant", "content": f"{_prose(dice, 2)} {text} {_prose(dice, 2)}"}


def _work(turn: int, dice: random.Random) -> Iterator[Wire]:
    """One turn of ordinary work; some of what is said in it looks like a fact."""
    thing = dice.choice(_THINGS)
    if turn % 5 == 0:
        yield {"role": "user", "content": f"Please look at the {thing} now. {_prose(dice, 1)}"}
    lines = "\n".join(f"{line}: {_prose(dice, 1)}" for line in range(dice.randrange(6, 14)))
    yield from _call("read_file", {"path": f"src/{thing}/part_{turn}.py"}, lines, dice)
    decoy = dice.choice(
        [
            "",
            "",
            "",
            f" It has {dice.randrange(100, 999)} lines.",
            f" That is so because the {dice.choice(_THINGS)} comes first.",
            f" One test of the {dice.choice(_THINGS)} failed once, and then passed.",
        ]
    )
    yield {"role": "assistant", "content": f"{_prose(dice, 3)}{decoy} {_prose(dice, 2)}"}


def _call(tool: str, arguments: dict[str, str], output: str, dice: random.Random) -> Iterator[Wire]:
    id = f"call_{dice.getrandbits(48):x}"
    function = {"name": tool, "arguments": json.dumps(arguments)}
    yield {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": function}],
    }
    yield {"role": "tool", "tool_call_id": id, "content": output}


def _prose(dice: random.Random, sentences: int) -> str:
    return " ".join(
        " ".join(dice.choices(_WORDS, k=dice.randrange(8, 16))).capitalize() + "." for _ in range(sentences)
    )
