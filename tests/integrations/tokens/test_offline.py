import os
import subprocess
import sys
from pathlib import Path

import pytest

NO_NETWORK = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError(f"the network was used: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


def run(code: str, temporary: Path) -> str:
    """Run a program in a fresh interpreter that has no tiktoken cache and an empty temporary folder."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_CACHE_DIR")}
    environment |= {"TMPDIR": str(temporary), "HOME": str(temporary)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=50
    ).stdout.strip()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, "TokenCount(tokens=2, exact=True, encoding='o200k_base')"),
        ("gpt-4o", "TokenCount(tokens=2, exact=True, encoding='o200k_base')"),
        ("gpt-4", "TokenCount(tokens=2, exact=True, encoding='cl100k_base')"),
        ("gpt-oss-120b", "TokenCount(tokens=2, exact=True, encoding='o200k_harmony')"),
        ("text-davinci-003", "TokenCount(tokens=3, exact=False, encoding='o200k_base')"),
        ("gpt-7-nova", "TokenCount(tokens=3, exact=False, encoding='o200k_base')"),
    ],
)
def test_the_first_count_needs_no_network_and_leaves_no_cache(
    model: str | None, expected: str, tmp_path: Path
) -> None:
    count = (
        f"from integrations.tokens import count_tokens\nprint(count_tokens('hello world', model={model!r}))"
    )
    assert run(NO_NETWORK + count, tmp_path) == expected
    assert list(tmp_path.iterdir()) == []


def test_the_network_block_catches_tiktoken_itself(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run(NO_NETWORK + "import tiktoken\ntiktoken.get_encoding('o200k_base')", tmp_path)
    assert "the network was used" in failure.value.stderr


def test_the_corpus_is_counted_as_by_tiktoken_without_the_network(tmp_path: Path) -> None:
    """The reference was written by tiktoken's own loading, see `make_reference`."""
    corpus = Path(__file__).with_name("corpus.json")
    code = f"""
import json, pathlib
from integrations.tokens import count_tokens
corpus = json.loads(pathlib.Path({str(corpus)!r}).read_text(encoding="utf-8"))
for entry in corpus:
    for model, encoding in (("gpt-4o", "o200k_base"), ("gpt-4", "cl100k_base")):
        count = count_tokens(entry["text"], model=model)
        assert (count.tokens, count.exact) == (len(entry[encoding]), True), (entry["title"], model, count)
print(len(corpus))
"""
    assert int(run(NO_NETWORK + code, tmp_path)) >= 30
    assert list(tmp_path.iterdir()) == []


def test_import_is_fast_and_loads_no_vocabulary(tmp_path: Path) -> None:
    # Of the processor: what else the machine does meanwhile does not count.
    code = """
import sys, time
started = time.process_time()
import integrations.tokens
print(time.process_time() - started, "tiktoken" in sys.modules)
"""
    seconds, tiktoken_loaded = run(code, tmp_path).split()
    assert float(seconds) < 0.3
    assert tiktoken_loaded == "False"


def test_threads_that_ask_at_once_share_one_encoding(tmp_path: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from integrations.tokens import encoding_for
with ThreadPoolExecutor(4) as threads:
    print(len(set(map(id, threads.map(encoding_for, ["gpt-4"] * 4)))))
"""
    assert run(code, tmp_path) == "1"
