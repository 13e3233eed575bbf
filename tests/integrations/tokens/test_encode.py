import importlib
import json
from pathlib import Path

import pytest
import tiktoken.load
import tiktoken.registry

from integrations.tokens import encode, encoding_for
from integrations.tokens.encode import ENDLESS
from integrations.tokens.encodings import named_encoding

CORPUS = {entry["title"]: entry for entry in json.loads(Path(__file__).with_name("corpus.json").read_text())}
MODELS = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}


@pytest.mark.parametrize("title", CORPUS)
@pytest.mark.parametrize("encoding", MODELS)
def test_ids_equal_tiktoken(encoding: str, title: str) -> None:
    assert encode(CORPUS[title]["text"], model=MODELS[encoding]) == CORPUS[title][encoding]


def test_harmony_encodes_ordinary_text_as_o200k() -> None:
    entry = CORPUS["special tokens"]
    assert encode(entry["text"], model="gpt-oss-20b") == entry["o200k_base"]


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\u00a0", "\u3000"])
def test_a_run_of_blanks_that_aborts_tiktoken_is_encoded(blank: str) -> None:
    text = "a" + blank * (2 * ENDLESS + 1) + "b"
    assert encoding_for().decode(encode(text)) == text


def test_blanks_up_to_the_limit_are_encoded_as_tiktoken_does() -> None:
    text = "x" + (" " * (ENDLESS - 1) + "x") * 2
    assert encode(text) == encoding_for().encode_ordinary(text)


def test_special_tokens_are_those_of_the_installed_tiktoken() -> None:
    assert encoding_for("gpt-4").special_tokens_set >= {"<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"}
    assert encoding_for("gpt-oss-20b").encode_single_token("<|channel|>") == 200005


def test_an_encoding_is_loaded_once() -> None:
    assert encoding_for("gpt-4o") is encoding_for("some-unknown-model") is encoding_for()


def test_tiktoken_itself_is_left_as_it_was() -> None:
    encoding_for()
    assert tiktoken.registry.ENCODINGS == {}
    definitions = importlib.import_module("tiktoken_ext.openai_public")
    assert definitions.load_tiktoken_bpe is tiktoken.load.load_tiktoken_bpe


def test_an_encoding_that_is_not_shipped_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'gpt2' is not shipped; use one of cl100k_base, o200k"):
        named_encoding("gpt2")
