from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.cli.program import MODEL_SETTINGS
from tests.integrations.code_review.repository import Repository

BEFORE = """import subprocess


def tag(name: str, version: str) -> None:
    if not name.isidentifier():
        raise ValueError(name)
    subprocess.run(["git", "tag", f"{name}-{version}"], check=True)
"""
AFTER = """import subprocess


def tag(name: str, version: str) -> None:
    subprocess.run(f"git tag {name}-{version}", shell=True, check=True)
"""


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment of the tests configures, reviews are offline."""
    for name in MODEL_SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def heard_interrupts() -> Iterator[None]:
    """Programs hear Ctrl-C: a shell has its background jobs ignore it, and what these start inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with an uncommitted change that is worth a remark; the current folder."""
    made = Repository.create(tmp_path / "shop")
    made.commit({"release.py": BEFORE, "notes.md": "# Notes\n"})
    made.write({"release.py": AFTER, "notes.md": "# Notes\n\nTag, then push.\n"})
    monkeypatch.chdir(made.root)
    return made
