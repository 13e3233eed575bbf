"""The State type of an agent class, however it was derived."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest

from agents_sdk import Agent
from agents_sdk.typeargs import argument

T = TypeVar("T")
U = TypeVar("U")


class Plain(Agent): ...


class Direct(Agent[None, int]): ...


class Inherited(Direct): ...


class Open(Agent[None, T]): ...


class Filled(Open[str]): ...


class Swapped(Agent[U, T], Generic[T, U]): ...


class SwappedFilled(Swapped[bytes, None]): ...


class Left(Open): ...  # type: ignore[type-arg]  # what users forget


class Mixin: ...


class Mixed(Mixin, Filled): ...


@pytest.mark.parametrize(
    ("cls", "state"),
    [
        (Plain, Any),
        (Direct, int),
        (Inherited, int),
        (Open, Any),
        (Filled, str),
        (SwappedFilled, bytes),
        (Left, Any),
        (Mixed, str),
    ],
)
def test_the_state_type_is_found(cls: type, state: object) -> None:
    assert argument(cls, Agent, 1) is state
