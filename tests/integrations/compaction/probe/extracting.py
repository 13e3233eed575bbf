"""A summariser without a model's sense: it copies the sentences that look as if they said something.

It knows nothing of what was planted. It is there so that the probe is the same everywhere: what it loses, a
model may keep, and what it keeps word for word, a model may put in other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from integrations.llm import Usage
from integrations.llm.testing import Asked, Reply
from integrations.tokens import Counter

__all__ = ["extracted", "summariser"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_CUES = (
    re.compile(r"\d"),
    re.compile(r"\w/\w"),
    re.compile(r"\b(?:because|decided|chose|instead)\b"),
    re.compile(r"\b(?:fail\w*|error|tried|broken)\b"),
    re.compile(r"\b(?:never|always|must|only)\b", re.IGNORECASE),
)
_TAG = re.compile(r"</?[\w-]+>")
_RESULT = "[result]"


def extracted(material: str, most: int, count: Counter) -> str:
    """The sentences with the most cues, in their order, in at most so many tokens; earlier ones first."""
    sentences = [
        sentence.strip()
        for block in material.split("\n\n")
        if not block.startswith(_RESULT)
        for sentence in _SENTENCE.split(_TAG.sub("", block))
    ]
    unique = list(dict.fromkeys(one for one in sentences if one))
    ranked = sorted(range(len(unique)), key=lambda place: (-_cues(unique[place]), place))
    chosen: set[int] = set()
    room = most
    for place in ranked:
        room -= count(unique[place]) + 1
        if room < 0 or not _cues(unique[place]):
            break
        chosen.add(place)
    return "\n".join(unique[place] for place in sorted(chosen))


def _cues(sentence: str) -> int:
    return sum(cue.search(sentence) is not None for cue in _CUES)


def summariser(count: Counter) -> Callable[[Asked], Reply]:
    """It as the script of a model's server; the length is read from the instructions, as a model would."""

    def answer(asked: Asked) -> Reply:
        instructions, material = (message["content"] for message in asked.body["messages"])
        [most] = re.findall(r"at most (\d+) tokens", instructions)
        text = extracted(material, int(most), count)
        return Reply(text, usage=Usage(input=count(instructions) + count(material), output=count(text)))

    return answer
