"""Token counting with tiktoken, without the network."""

from integrations.tokens.chat import Reported, count_messages, message_tokens
from integrations.tokens.count import UNKNOWN_MODEL_FACTOR, Counter, TokenCount, count_tokens, counter_for
from integrations.tokens.encode import encode
from integrations.tokens.encodings import encoding_for
from integrations.tokens.packed import DamagedVocabulary

__all__ = (
    "UNKNOWN_MODEL_FACTOR",
    "Counter",
    "DamagedVocabulary",
    "Reported",
    "TokenCount",
    "count_messages",
    "count_tokens",
    "counter_for",
    "encode",
    "encoding_for",
    "message_tokens",
)
