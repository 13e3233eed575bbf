"""Questions across files: which calls a change breaks that it does not touch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from integrations.code_review.anchor import quotes
from integrations.code_review.change_map.model import ChangeMap
from integrations.code_review.finding import Finding, Skipped, Visible
from integrations.code_review.model.answers import CrossAnswer, CrossClaim, VerifyAnswer
from integrations.code_review.model.asking import Asking, OverBudget, cleaned
from integrations.code_review.model.calls import Call, Reached, gathered, printed, quotable
from integrations.code_review.model.prompt import cross_request, proof_request
from integrations.code_review.model.questions import Proof
from integrations.code_review.model.reviewer import Spent
from integrations.code_review.subject import ReviewInput
from integrations.value import Value
from workflows import StepContext

__all__ = ["CrossClaims", "Crossing"]

_MOST_CLAIMS = 10
_LONGEST_QUESTION = 24_000


class CrossClaims(Value):
    """What a model claims about calls; `problem` says why its answer could not be used."""

    claims: tuple[CrossClaim, ...] = ()
    spent: Spent = Field(default_factory=Spent)
    problem: Visible = ""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Asks about calls in other files; each method is the callback of a step."""

    asking: Asking
    subject: ReviewInput

    def gather(self, change_map: ChangeMap) -> tuple[Reached, ...]:
        """The functions to ask about, as many as fit into one question."""
        kept: list[Reached] = []
        size = 0
        for one in gathered(self.subject, self.asking.change, change_map, self.asking.apart):
            size += len(printed(one, self.asking.change))
            if size > _LONGEST_QUESTION:
                break
            kept.append(one)
        return tuple(kept)

    async def ask(self, reached: Sequence[Reached], ctx: StepContext) -> CrossClaims:
        """Which of the calls are broken, as the model sees it."""
        change = self.asking.change
        code = "\n\n".join([await asyncio.to_thread(printed, one, change) for one in reached])
        request = cross_request(code, language=self.asking.settings.language)
        try:
            read, spent = await self.asking.ask(request, CrossAnswer, ctx)
        except OverBudget as error:
            return CrossClaims(problem=f"its calls in other files were not shown to the model: {error}")
        if read is None:
            return CrossClaims(
                spent=spent, problem="the model's answer about calls in other files was no answer"
            )
        return CrossClaims(claims=tuple(map(cleaned, read.findings[:_MOST_CLAIMS])), spent=spent)

    async def verify(self, reached: Sequence[Reached], claim: CrossClaim, ctx: StepContext) -> Proof:
        """Whether a fresh look at this function and its calls proves the claim."""
        found = _called(reached, claim.call)
        if found is None:
            return Proof(in_text=False)
        one, call = found
        rows = await asyncio.to_thread(quotable, one, self.asking.change)
        line = _line(rows, claim.quote, call)
        if line is None:
            return Proof(in_text=False)
        code = await asyncio.to_thread(printed, one, self.asking.change)
        words = f"call {call.number} (`{claim.quote}`): {claim.claim}"
        request = proof_request(code, words, path=call.path, language=self.asking.settings.language)
        try:
            verdict, spent = await self.asking.ask(request, VerifyAnswer, ctx)
        except OverBudget as error:
            reason = f"a claim about {call.path}:{call.line} was not verified: {error}"
            return Proof(problem=Skipped(path=one.function.path, reason=reason, wanted=True))
        proven = verdict is not None and verdict.verdict == "proven"
        if verdict is None or not proven or not any(quotes(verdict.quote, row) for row in rows.values()):
            return Proof(spent=spent)
        return Proof(finding=self._finding(one, call, line, rows, claim), spent=spent)

    def _finding(
        self, one: Reached, call: Call, line: int, rows: dict[tuple[str, int], str], claim: CrossClaim
    ) -> Finding:
        """At the call when the change shows it, else at the function, which says where the call is."""
        function = one.function
        here = self.asking.change.patches().get(call.path)
        touched = here is not None and line in here.added()
        path, at = (call.path, line) if touched else (function.path, function.line)
        message = claim.claim if touched else f"The call at {call.path}:{line}: {claim.claim}"
        return Finding(
            path=path,
            line=at,
            end_line=at,
            severity=claim.weight,
            rule=f"model/{claim.category}",
            message=message,
            evidence=rows[call.path, line].strip(),
            symbol="" if touched else function.name,
            origin="model",
            subject=function.name,
        )


def _called(reached: Sequence[Reached], number: int) -> tuple[Reached, Call] | None:
    return next(((one, call) for one in reached for call in one.calls if call.number == number), None)


def _line(rows: dict[tuple[str, int], str], quote: str, call: Call) -> int | None:
    """The line nearest to the call that holds the quote."""
    first = next((row for row in quote.splitlines() if row.strip()), "")
    found = [line for (path, line), text in rows.items() if path == call.path and quotes(first, text)]
    return min(found, key=lambda line: (abs(line - call.line), line), default=None) if first else None
