"""Tests that fail when the engine lies: about leases, about room, about the owner of a file, about a copy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.file_mutations import FILE_MUTATIONS
from tests.fault.row_mutations import ROW_MUTATIONS
from tests.fault.rule_mutations import RULE_MUTATIONS
from tests.fault.sizes import TORTURE, size

pytestmark = pytest.mark.timeout(size(180, 900))

LEASES = ("tests/pitfalls/test_recovery.py::test_what_an_older_lease_writes_is_refused", "sqlite")
ROOM = ("tests/fault/test_full_disk.py::test_a_disk_that_was_full_is_written_again", "full")
OWNER = ("tests/fault/test_owner.py", "owns")
COPIES = ("tests/fault/test_backup.py", "under_load")
RELEASED = "tests/workflows/sqlite/test_released.py"
ROWS = ("tests/fault/test_rows.py", "changed_places or flipped_state")
RUNS = [
    ("none", LEASES, 0, ""),
    ("no-epoch-check", LEASES, 1, "DID NOT RAISE"),
    ("no-lock", OWNER, 1, "DID NOT RAISE"),
    ("copy-without-log", COPIES, 1, "2 failed"),
    ("acknowledge-without-room", ROOM, 1, "== before"),
    ("spin-without-room", ROOM, 1, "AssertionError"),
    ("room-unseen", ROOM, 1, "TimeoutError"),
    ("no-row-checksum", ROWS, 1, "5 failed"),
    ("changed-migration", (RELEASED, "never_changes"), 1, "5 failed"),
    ("newer-file-taken", (RELEASED, "newer_release"), 1, "1 failed"),
    ("offset-unseen", ("tests/fault/test_clocks.py", "time_of_day"), 1, "02:30"),
]
AT_NIGHT = [
    ("acknowledge-before-commit", "tests/fault/test_every_commit.py", "around_every_commit"),
    ("acknowledge-before-commit", "tests/fault/test_undone.py", "goes_on"),
    ("forget-to-journal", "tests/fault/test_kill_family.py", "60_kills"),
    ("no-epoch-check", "tests/fault/test_clocks.py", "lost_its_lease"),
    ("no-size-limit", "tests/fault/test_poison.py", "100 and MB"),
    ("deaths-not-counted", "tests/fault/test_killers.py", "first"),
    ("cut-with-its-caller", "tests/fault/test_cancelled_everywhere.py", "caller and memory-at"),
    ("by-place", "tests/contract/test_deploys.py", "found_by_their_names"),
    ("piecemeal-migration", RELEASED, "as_a_whole"),
    ("no-copy-kept", RELEASED, "earlier_release_goes_on"),
]
"""Lies of which the processes know, too, that these tests start."""

_LOOKS = re.compile(r"is_whole\(|(?:[!=]=|in) .*(?:checksum|crc)\w*\(|\b\w*crc (?:[!=]=|(?:not )?in) ")
"""A look at a checksum."""
_OTHERS = {
    "agents_sdk/checksum.py",  # by which others look
    "agents_sdk/chat/intact.py",  # for the rows of chats
    "workflows/sqlite/entries.py",  # by `Entry.checksum`
    "workflows/sqlite/lost.py",  # at the log, see `flips`
}


@pytest.mark.parametrize(("mutation", "test", "code", "said"), RUNS, ids=[one[0] for one in RUNS])
def test_a_lie_is_seen(mutation: str, test: tuple[str, str], code: int, said: str) -> None:
    ran = mutated(mutation, *test)
    assert ran.returncode == code, ran.stdout
    assert said in ran.stdout


@pytest.mark.skipif(not TORTURE, reason="minutes: each of them is a pytest of its own")
@pytest.mark.parametrize(("mutation", "path", "keyword"), AT_NIGHT, ids=[one[0] for one in AT_NIGHT])
def test_a_lie_is_seen_at_night(mutation: str, path: str, keyword: str) -> None:
    ran = mutated(mutation, path, keyword)
    assert ran.returncode == 1, ran.stdout


@pytest.mark.skipif(not TORTURE, reason="minutes: each of them is a pytest of its own")
@pytest.mark.parametrize("row", ROW_MUTATIONS)
def test_nobody_looks_at_a_checksum_and_that_is_seen(row: str) -> None:
    one = ROW_MUTATIONS[row]
    ran = mutated(row, one.test, one.keyword)
    assert ran.returncode == 1, ran.stdout


def test_every_module_that_looks_at_checksums_is_made_to_look_away() -> None:
    looks = {
        module.as_posix()
        for package in ("workflows", "agents_sdk")
        for module in Path(package).rglob("*.py")
        if _LOOKS.search(module.read_text(encoding="utf-8"))
    }
    places = {
        one.place.__module__ if isinstance(one.place, type) else one.place.__name__
        for one in ROW_MUTATIONS.values()
    }
    assert looks - {place.replace(".", "/") + ".py" for place in places} == _OTHERS
    assert len(looks) > 12


def mutated(mutation: str, path: str, keyword: str) -> subprocess.CompletedProcess[str]:
    """These tests, in a process in which the engine lies."""
    plugins = ["-p", "no:cacheprovider", "-p", "tests.fault.mutated"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, path, "-k", keyword]
    environment = {**os.environ, "MUTATION": mutation, "TORTURE": ""}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def test_every_lie_about_the_file_is_tried() -> None:
    assert set(FILE_MUTATIONS) | set(RULE_MUTATIONS) <= {mutation for mutation, *_ in [*RUNS, *AT_NIGHT]}
