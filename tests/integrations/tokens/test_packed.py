import base64
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.tokens.encodings import _packaged_ranks
from integrations.tokens.pack import main
from integrations.tokens.packed import DamagedVocabulary, pack, parse, publish, unpack


@given(st.lists(st.binary(min_size=1, max_size=255)))
def test_a_packed_vocabulary_is_rebuilt_byte_for_byte(tokens: list[bytes]) -> None:
    original = publish(tokens)
    assert publish(unpack(pack(original))) == original


@pytest.mark.parametrize(
    ("original", "complaint"),
    [
        (b"YQ== 0\nYg== 2\n", "line 2 has rank b'2' where 1 was expected"),
        (b" 0\n", "line 1 has a token of 0 bytes"),
        (base64.b64encode(b"x" * 256) + b" 0\n", "line 1 has a token of 256 bytes"),
        (b"YQ== 0", "cannot be rebuilt byte for byte"),
    ],
)
def test_a_file_that_cannot_be_rebuilt_is_refused(original: bytes, complaint: str) -> None:
    with pytest.raises(DamagedVocabulary, match=complaint):
        pack(original)


@pytest.mark.parametrize(
    ("packed", "complaint"),
    [(b"not xz", "cannot be decompressed"), (lzma.compress(b"\x03ab"), "ends inside a token")],
)
def test_a_damaged_package_file_is_refused(packed: bytes, complaint: str) -> None:
    with pytest.raises(DamagedVocabulary, match=complaint):
        unpack(packed)


def test_a_vocabulary_with_another_hash_is_refused() -> None:
    with pytest.raises(DamagedVocabulary, match="cl100k_base of this installation is not the one"):
        _packaged_ranks("somewhere/cl100k_base.tiktoken", "0" * 64)


@pytest.mark.parametrize("store", [bytes, gzip.compress])
def test_the_script_packs_a_published_file(
    store: type[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, packed = tmp_path / "tiny.tiktoken", tmp_path / "tiny.bin.xz"
    original.write_bytes(store(b"YQ== 0\nYmM= 1\n"))
    main([str(original), str(packed)])
    assert unpack(packed.read_bytes()) == parse(b"YQ== 0\nYmM= 1\n") == [b"a", b"bc"]
    assert capsys.readouterr().out.startswith("tiny.bin.xz: ")
