"""Tokens of one or many requests."""

from __future__ import annotations

from pydantic import NonNegativeInt

from integrations.value import Value

__all__ = ["Usage"]


class Usage(Value):
    """Tokens as the server counted them; `a + b` adds up, `sum(..., Usage())` over many.

    `cached` and `cache_write` are parts of `input`, `reasoning` is a part of `output`.
    A server that reports nothing leaves zeros.
    """

    input: NonNegativeInt = 0
    cached: NonNegativeInt = 0
    cache_write: NonNegativeInt = 0
    output: NonNegativeInt = 0
    reasoning: NonNegativeInt = 0

    @property
    def total(self) -> int:
        """Everything that was read and written."""
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
        )

    def __str__(self) -> str:
        return f"{self.input:,} tokens in, {self.output:,} out"
