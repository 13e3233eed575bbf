from math import ceil

import pytest

from integrations.tokens import (
    UNKNOWN_MODEL_FACTOR,
    Reported,
    TokenCount,
    count_messages,
    count_tokens,
    counter_for,
    encode,
    message_tokens,
)

TEXT = "Count me, <|endoftext|> included. " * 20
CHAT: list[dict[str, object]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "look"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "a cat"},
]


def test_a_known_model_is_exact() -> None:
    assert count_tokens(TEXT, model="gpt-4o") == TokenCount(
        len(encode(TEXT)), exact=True, encoding="o200k_base"
    )


@pytest.mark.parametrize("model", ["", "claude-9", "gpt-6-astra", "ünïcode/model", "gpt2"])
def test_an_unknown_model_is_estimated_upwards(model: str) -> None:
    count = count_tokens(TEXT, model=model)
    assert count == TokenCount(
        ceil(len(encode(TEXT)) * UNKNOWN_MODEL_FACTOR), exact=False, encoding="o200k_base"
    )


def test_messages_are_estimated_with_their_framing() -> None:
    count = count_messages([{"role": "user", "content": "hello world"}])
    assert count == TokenCount(3 + 1 + 2 + 3, exact=False, encoding="o200k_base")


def test_a_counter_replaces_the_tokenizer() -> None:
    count = count_messages([{"role": "user", "content": "hello"}], counter=len)
    assert count == TokenCount(3 + 4 + 5 + 3, exact=False, encoding="counter")


def test_reported_usage_anchors_and_only_newer_messages_are_estimated() -> None:
    anchored = count_messages(CHAT, reported=Reported(tokens=1_000, messages=3))
    assert anchored.tokens == 1_000 + message_tokens(CHAT[3], counter_for())
    assert not anchored.exact


def test_what_the_provider_counted_in_full_is_exact() -> None:
    assert count_messages(CHAT, reported=Reported(tokens=77, messages=4)) == TokenCount(
        77, True, "o200k_base"
    )


def test_usage_of_more_messages_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="reported for 9 messages, but the list has 4"):
        count_messages(CHAT, reported=Reported(tokens=1, messages=9))


def test_negative_usage_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        Reported(tokens=-1, messages=0)


@pytest.mark.parametrize("kind", ["image_url", "input_image", "image"])
def test_the_bytes_of_an_image_are_not_text(kind: str) -> None:
    image = {
        "role": "user",
        "content": [{"type": kind, "image_url": {"url": "data:image/png;base64," + "A" * 9999}}],
    }
    assert message_tokens(image, len) == 3 + 4 + 1_536


def test_tool_calls_are_counted() -> None:
    assert message_tokens(CHAT[2], len) > 3 + len("assistant") + len("look")


def test_an_unknown_part_counts_as_its_json() -> None:
    message = {"role": "user", "content": [{"type": "file", "name": "ü"}]}
    assert message_tokens(message, len) == 3 + 4 + len('{"type":"file","name":"ü"}')
