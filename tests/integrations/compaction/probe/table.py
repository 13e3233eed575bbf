"""The probe, and its tables as the guide shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from integrations.compaction import Settings
from integrations.llm import LLM
from integrations.llm.testing import ScriptedModel
from integrations.tokens import counter_for
from tests.integrations.compaction.probe.extracting import summariser
from tests.integrations.compaction.probe.sessions import DEPTHS, KINDS, Fact, session
from tests.integrations.compaction.probe.strategies import STRATEGIES, TIMES, Kept, Paid, kept

__all__ = ["SETTINGS", "Measured", "Wanted", "measured"]

SETTINGS = Settings(
    window=20_000,
    reserve=4_000,
    file_tools={"read_file": "read", "edit_file": "changed"},
    named_arguments=frozenset({"order_id"}),
)
SEEDS = (1, 2, 3)
HEADS = ["once", *(f"{times} times" for times in TIMES[1:])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which facts."""

    kinds: Sequence[str] = KINDS
    depth: int | None = None

    def __contains__(self, fact: Fact) -> bool:
        return fact.kind in self.kinds and self.depth in (None, fact.depth)


@dataclass(frozen=True, slots=True)
class Measured:
    """What all sessions gave."""

    kept: list[Kept]
    paid: list[dict[int, Paid]]

    def share(self, strategy: str, times: int, wanted: Wanted) -> float:
        """The share of these facts that is still known."""
        known = [
            is_known
            for one in self.kept
            if (one.strategy, one.times) == (strategy, times)
            for fact, is_known in one.known.items()
            if fact in wanted
        ]
        return sum(known) / len(known)

    def tokens(self, strategy: str, times: int) -> int:
        """What is left, on average."""
        return _mean([one.tokens for one in self.kept if (one.strategy, one.times) == (strategy, times)])

    def requests(self, times: int) -> int:
        """Summaries that were asked for up to then, in all sessions."""
        return sum(one[times].requests for one in self.paid)

    def tables(self) -> str:
        """For the guide."""
        return "\n".join([*self._by_strategy(), "", *self._by_depth(), "", *self._costs(), ""])

    def _by_strategy(self) -> list[str]:
        rows = [
            [kind, *(self._cell(strategy, Wanted(kinds=(kind,))) for strategy in STRATEGIES)]
            for kind in KINDS
        ]
        return _table(["kept, in %", *STRATEGIES], rows)

    def _by_depth(self) -> list[str]:
        rows = []
        for depth in DEPTHS:
            wanted = Wanted(kinds=KINDS[3:], depth=depth)
            rows.append([f"{depth} %", *(f"{100 * self.share('tiered', n, wanted):.0f}" for n in TIMES)])
        return _table(["depth of what only the summary keeps, in %", *HEADS], rows)

    def _costs(self) -> list[str]:
        rows = [[name, *(f"{self.tokens(name, times):,}" for times in TIMES)] for name in STRATEGIES]
        asked = [f"{self.requests(times) / len(self.paid):g}" for times in TIMES]
        spent = [f"{_mean([one[times].usage.total for one in self.paid]):,}" for times in TIMES]
        rows += [["summary requests so far (tiered)", *asked], ["their tokens, in and out", *spent]]
        return _table(["tokens of the prompt", *HEADS], rows)

    def _cell(self, strategy: str, wanted: Wanted) -> str:
        return " / ".join(f"{100 * self.share(strategy, times, wanted):.0f}" for times in TIMES)


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _mean(numbers: list[int]) -> int:
    return round(sum(numbers) / len(numbers))


async def measured() -> Measured:
    """Runs it: some seconds."""
    count = lru_cache(maxsize=None)(counter_for())  # the same texts are looked at again and again
    settings = replace(SETTINGS, counter=count)
    async with ScriptedModel(summariser(count)) as model, LLM("extractive", base_url=model.url) as llm:
        runs = [await kept(session(seed), settings, llm, count) for seed in SEEDS]
    return Measured([one for run, _ in runs for one in run], [paid for _, paid in runs])
