"""Interleaved rounds: within each, everybody is measured once, so that a busy machine is busy for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.child import Broken, Reply, Unavailable
from benchmarks.figures import Answer, Skipped

__all__ = ["Contender", "Tell", "interleaved"]

Tell = Callable[[str], None]
"""Shows how far it has come."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who is measured, each time in a fresh process on fresh files."""

    who: str
    measure: Callable[[], Reply]
    may_fail: bool = False
    """A peer: what keeps it from taking part is told, and the others go on."""


def interleaved(
    contenders: Sequence[Contender], rounds: int, *, answer: Answer, tell: Tell
) -> dict[str, list[Reply]]:
    """What each contender replied, in the order of the rounds; every second round goes backwards.

    Those that cannot take part are told in `answer`, and have no replies.
    """
    replies: dict[str, list[Reply]] = {one.who: [] for one in contenders}
    for number in range(rounds):
        for one in contenders if number % 2 == 0 else list(reversed(contenders)):
            if one.who not in replies:
                continue
            tell(f"round {number + 1} of {rounds}: {one.who}")
            try:
                reply = one.measure()
            except (Broken, Unavailable) as error:
                if not one.may_fail:
                    raise
                answer.skipped.append(Skipped(one.who, str(error)))
                del replies[one.who]
                continue
            answer.versions.update(reply.get("versions", {}))
            replies[one.who].append(reply)
    return replies
