"""The tests of leases would see an engine that does not look at the epoch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(120)

TEST = "tests/pitfalls/test_recovery.py::test_what_an_older_lease_writes_is_refused"


@pytest.mark.parametrize(("mutation", "code"), [("none", 0), ("no-epoch-check", 1)])
def test_a_write_without_a_look_at_the_epoch_is_seen(mutation: str, code: int) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.fault.mutated",
        TEST,
    ]
    environment = {**os.environ, "MUTATION": mutation}
    ran = subprocess.run(
        [*command, "-k", "sqlite"], env=environment, check=False, capture_output=True, text=True
    )
    assert ran.returncode == code, ran.stdout
