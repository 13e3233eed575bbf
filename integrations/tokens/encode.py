"""Text to token ids, for text that anybody may have written."""

import re
from collections.abc import Iterator

from integrations.tokens.encodings import encoding_for

# tiktoken aborts with a stack overflow, which is not even an `Exception`, on about a million blanks in a row.
ENDLESS = 500_000
_ENDLESS_BLANK = re.compile(rf"(?<!\s)\s{{{ENDLESS},}}")


def encode(text: str, *, model: str | None = None) -> list[int]:
    """Token ids of the text; the text of a special token, like `<|endoftext|>`, is ordinary text.

    The ids are tiktoken's. Only a run of blanks longer than `ENDLESS` is encoded in pieces.
    """
    encoding = encoding_for(model)
    if len(text) <= ENDLESS:
        return encoding.encode_ordinary(text)
    return [token for piece in _pieces(text) for token in encoding.encode_ordinary(piece)]


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for run in _ENDLESS_BLANK.finditer(text):
        for cut in range(run.start() + ENDLESS, run.end() + 1, ENDLESS):
            yield text[start:cut]
            start = cut
    yield text[start:]
