"""The normal form of a request."""

from __future__ import annotations

import pytest

from integrations.llm import Request
from integrations.llm.request import messages_of
from tests.integrations.llm.asking import Finding

HELLO = Request(model="m", messages=({"role": "user", "content": "Hello"},))


def test_the_order_of_keys_does_not_count() -> None:
    turned = Request(model="m", messages=({"content": "Hello", "role": "user"},))
    assert HELLO.digest() == turned.digest()


@pytest.mark.parametrize(
    "other",
    [
        Request(model="n", messages=HELLO.messages),
        Request(model="m", messages=({"role": "user", "content": "Hallo"},)),
        Request(model="m", messages=HELLO.messages, response_format=Finding),
        Request(model="m", messages=HELLO.messages, max_tokens=5),
        Request(model="m", messages=HELLO.messages, temperature=0.0),
        Request(model="m", messages=HELLO.messages, tools=({"type": "function"},)),
        Request(model="m", messages=HELLO.messages, tool_choice="required"),
    ],
)
def test_everything_that_is_asked_counts(other: Request) -> None:
    assert HELLO.digest() != other.digest()


@pytest.mark.parametrize("content", [object(), "\ud800"], ids=["object", "surrogate"])
def test_messages_that_are_not_json(content: object) -> None:
    request = Request(model="m", messages=({"role": "user", "content": content},))
    with pytest.raises(ValueError, match="messages and tools must be plain JSON"):
        request.digest()


def test_a_string_is_a_user_message() -> None:
    assert messages_of("Hello") == HELLO.messages


def test_no_messages() -> None:
    with pytest.raises(ValueError, match="messages are empty"):
        messages_of([])
