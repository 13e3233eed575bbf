"""How long to wait before the next attempt."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.llm import ModelUnreachable, Patience, RateLimited, RetryLater
from workflows import DelayContext


@dataclass(frozen=True)
class Attempt:
    """The part of a step's context that counts."""

    attempt: int


def delay(attempt: int, error: Exception) -> float:
    return Patience(first=2, most=60, jitter=0).delay(DelayContext(Attempt(attempt), error))


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (10_000, 60)])
def test_waits_grow_up_to_the_most(attempt: int, seconds: float) -> None:
    assert delay(attempt, RetryLater("503")) == seconds
    assert delay(attempt, ModelUnreachable("gone")) == seconds
    assert delay(attempt, TimeoutError()) == seconds


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RetryLater("503", 0.5), 0.5),
        (RetryLater("503", 86_400.0), 86_400.0),
        (RateLimited("429", 86_400.0), 86_400.0),
        (RateLimited("429", 0.5), 2.0),
    ],
)
def test_the_server_is_heard(error: Exception, seconds: float) -> None:
    """A rate limit waits at least as long as without advice."""
    assert delay(1, error) == seconds


@given(st.integers(1, 100))
def test_jitter_stays_within_its_fraction(attempt: int) -> None:
    failed = DelayContext(Attempt(attempt), RetryLater("503"))
    plain = Patience(jitter=0).delay(failed)
    assert plain * 0.75 <= Patience(jitter=0.25).delay(failed) <= plain * 1.25
