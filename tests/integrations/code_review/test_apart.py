"""Whatever a text does to its reader, the review goes on and says so."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations.code_review.apart import Apart, NotAnalysed
from integrations.code_review.selection import MAX_TEXT
from integrations.secrets import masked
from tests.integrations.code_review import hostile_calls as calls


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart(patience=2.0) as opened:
        yield opened


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (calls.hang, "took more than 2 seconds"),
        (calls.die, "ended its reader"),
        (calls.grow, "too much memory"),
        (calls.fail, "KeyError: 'what'"),
    ],
)
def test_a_reader_that_is_lost_is_told_and_the_next_text_is_read(
    apart: Apart, call: Callable[[], int], reason: str
) -> None:
    with pytest.raises(NotAnalysed, match=reason):
        apart.ask(call)
    assert apart.ask(calls.double, 21) == 42


def test_what_is_nested_too_deeply_is_told(apart: Apart) -> None:
    with pytest.raises(NotAnalysed, match="nested too deeply"):
        apart.ask(calls.sink, 0)


def test_a_reader_writes_nothing(apart: Apart, tmp_path: Path) -> None:
    with pytest.raises(NotAnalysed, match="File too large"):
        apart.ask(calls.write, tmp_path / "x")


def test_a_reader_sees_no_secret(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    with Apart() as fresh:
        assert "GITHUB_TOKEN" not in fresh.ask(calls.environment)
    assert "GITHUB_TOKEN" not in apart.ask(calls.environment)


def test_nothing_is_imported_from_the_folder_under_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the code under review was run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Apart() as apart:
        assert str(tmp_path) not in apart.ask(calls.modules_from)


def test_a_closed_one_leaves_no_process_and_reads_nothing_more() -> None:
    apart = Apart()
    apart.ask(calls.double, 1)
    process = apart._process
    assert process is not None
    apart.close()
    assert process.poll() is not None
    with pytest.raises(NotAnalysed, match="stopped"):
        apart.ask(calls.double, 1)


def test_closing_ends_a_call_that_is_under_way() -> None:
    apart = Apart()
    told: list[str] = []
    apart.ask(calls.double, 1)

    def hang() -> None:
        with pytest.raises(NotAnalysed):
            apart.ask(calls.hang)
        told.append("ended")

    thread = threading.Thread(target=hang)
    thread.start()
    apart.close()
    thread.join(10)
    assert told == ["ended"]


_BAITS = {
    "private keys without an end": "-----BEGIN PRIVATE KEY-----",
    "signed tokens in one word": "-eyJaaaaaaaa",
    "names of secrets": "token: a ",
    "addresses": "a://b:",
    "one long word": "aB3/+",
    "indented names": f"token{' ' * 50}",
}


@pytest.mark.parametrize("name", _BAITS)
def test_credentials_are_looked_for_in_time_that_grows_with_the_text(name: str) -> None:
    """Seconds of this thread: a search holds up everything else in the process."""
    text = _BAITS[name] * (MAX_TEXT // len(_BAITS[name]))
    began = time.thread_time()
    masked(text)
    assert time.thread_time() - began < 3


def test_children_do_not_outlive_a_killed_parent() -> None:
    program = (
        "from integrations.code_review.apart import Apart; from tests.integrations.code_review import "
        "hostile_calls as calls; import os, time; apart = Apart(); apart.ask(calls.double, 1); "
        "print(apart._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    child = Path(f"/proc/{ended.stdout.strip()}/stat")
    deadline = time.monotonic() + 10
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or child.read_text().split()[2] == "Z"
