"""How many tokens a list of chat messages takes, anchored on what the provider reported."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.tokens.count import Counter, TokenCount, counter_for
from integrations.tokens.encodings import FALLBACK, offline_name

PER_MESSAGE = 3  # what frames each message in the prompt of OpenAI's chat models
PER_REPLY = 3  # what opens the answer
PER_IMAGE = 1_536  # the most that gpt-4.1 takes for one image (gpt-4o: 1,445); its encoded bytes are not text


@dataclass(frozen=True, slots=True)
class Reported:
    """What a provider said: the first `messages` of the list take `tokens`.

    After an answer was appended that is `usage.total_tokens`, and the answer counts as one of `messages`.
    """

    tokens: int
    messages: int

    def __post_init__(self) -> None:
        if self.tokens < 0 or self.messages < 0:
            raise ValueError(f"reported usage cannot be negative: {self}")


def count_messages(
    messages: Sequence[Mapping[str, object]],
    *,
    model: str | None = None,
    counter: Counter | None = None,
    reported: Reported | None = None,
) -> TokenCount:
    """Count chat messages in OpenAI's form (dicts); only those newer than `reported` are estimated.

    Exact only when the provider has counted all of them. `counter` replaces the model's tokenizer.
    """
    encoding = (offline_name(model) or FALLBACK) if counter is None else "counter"
    count = counter or counter_for(model)
    if reported is None:
        estimated = sum(message_tokens(message, count) for message in messages)
        return TokenCount(estimated + PER_REPLY, exact=False, encoding=encoding)
    if reported.messages > len(messages):
        raise ValueError(
            f"usage was reported for {reported.messages} messages, but the list has {len(messages)}: "
            "after messages were removed or rewritten, count without it"
        )
    newer = messages[reported.messages :]
    estimated = sum(message_tokens(message, count) for message in newer)
    return TokenCount(reported.tokens + estimated, exact=not newer, encoding=encoding)


def message_tokens(message: Mapping[str, object], count: Counter) -> int:
    """An estimate for one message: its framing, and every text in it."""
    tokens = PER_MESSAGE
    for field, value in message.items():
        match field, value:
            case _, None:
                continue
            case "content", list():
                tokens += sum(_part_tokens(part, count) for part in value)
            case _, str():
                tokens += count(value)
            case _:
                tokens += count(_as_text(value))
    return tokens


def _part_tokens(part: object, count: Counter) -> int:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return count(text)
        case {"type": "image_url" | "input_image" | "image"}:
            return PER_IMAGE
        case _:
            return count(_as_text(part))


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
