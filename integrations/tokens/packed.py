"""The packed form of a vocabulary: each token's length in one byte, then its bytes, in rank order, under xz.

Ranks are contiguous from 0 and no token is longer than 255 bytes, so that nothing else has to be stored.
The original file, lines of `base64(token) rank`, is rebuilt from it byte for byte.
"""

import base64
import lzma
from collections.abc import Iterable

LONGEST_TOKEN = 255


class DamagedVocabulary(ValueError):
    """A vocabulary is not what its publisher made: truncated, altered, or of another version."""


def pack(original: bytes) -> bytes:
    """Pack a published vocabulary file; refuses one that could not be rebuilt."""
    tokens = parse(original)
    if publish(tokens) != original:
        raise DamagedVocabulary("the file cannot be rebuilt byte for byte: give the file as it was published")
    plain = b"".join(bytes([len(token)]) + token for token in tokens)
    return lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME)


def unpack(packed: bytes) -> list[bytes]:
    """The tokens in rank order."""
    try:
        plain = lzma.decompress(packed)
    except lzma.LZMAError as error:
        raise DamagedVocabulary(f"a packed vocabulary cannot be decompressed: {error}") from None
    tokens = []
    position = 0
    while position < len(plain):
        end = position + 1 + plain[position]
        tokens.append(plain[position + 1 : end])
        position = end
    if position != len(plain):
        raise DamagedVocabulary("a packed vocabulary ends inside a token")
    return tokens


def parse(original: bytes) -> list[bytes]:
    """The tokens of a published vocabulary file, in rank order."""
    tokens = []
    for rank, line in enumerate(original.splitlines()):
        encoded, _, written = line.partition(b" ")
        if written != str(rank).encode():
            raise DamagedVocabulary(f"line {rank + 1} has rank {written!r} where {rank} was expected")
        token = base64.b64decode(encoded)
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise DamagedVocabulary(
                f"line {rank + 1} has a token of {len(token)} bytes; 1 to 255 can be packed"
            )
        tokens.append(token)
    return tokens


def publish(tokens: Iterable[bytes]) -> bytes:
    """The vocabulary file as its publisher wrote it."""
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens))
