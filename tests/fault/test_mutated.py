"""Tests that fail when the engine lies: about leases, about room, about the owner of a file, about a copy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fault.file_mutations import FILE_MUTATIONS

pytestmark = pytest.mark.timeout(180)

LEASES = ("tests/pitfalls/test_recovery.py::test_what_an_older_lease_writes_is_refused", "sqlite")
ROOM = ("tests/fault/test_full_disk.py::test_a_disk_that_was_full_is_written_again", "full")
OWNER = ("tests/fault/test_owner.py", "owns")
COPIES = ("tests/fault/test_backup.py", "under_load")
ROWS = ("tests/fault/test_rows.py", "changed_places or flipped_state")
RUNS = [
    ("none", LEASES, 0, ""),
    ("no-epoch-check", LEASES, 1, "DID NOT RAISE"),
    ("no-lock", OWNER, 1, "DID NOT RAISE"),
    ("copy-without-log", COPIES, 1, "2 failed"),
    ("acknowledge-without-room", ROOM, 1, "== before"),
    ("spin-without-room", ROOM, 1, "busy < 0.5"),
    ("room-unseen", ROOM, 1, "TimeoutError"),
    ("no-row-checksum", ROWS, 1, "5 failed"),
]


@pytest.mark.parametrize(("mutation", "test", "code", "said"), RUNS, ids=[one[0] for one in RUNS])
def test_a_lie_is_seen(mutation: str, test: tuple[str, str], code: int, said: str) -> None:
    path, keyword = test
    plugins = ["-p", "no:cacheprovider", "-p", "tests.fault.mutated"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, path, "-k", keyword]
    environment = {**os.environ, "MUTATION": mutation, "TORTURE": ""}
    ran = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert ran.returncode == code, ran.stdout
    assert said in ran.stdout


def test_every_lie_about_the_file_is_tried() -> None:
    assert set(FILE_MUTATIONS) <= {mutation for mutation, *_ in RUNS}
