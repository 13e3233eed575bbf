"""Where reviews are kept: beside the repository's own records, so that nothing is ever committed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import typer

from integrations.cli.errors import CommandError
from integrations.code_review.git import Git
from integrations.code_review.subject import ReviewInput

__all__ = ["database_of", "forget_old", "private_folder"]

_KEPT_SECONDS = 30 * 24 * 3600
_SUFFIXES = (".db", ".db-wal", ".db-shm", ".db.lock")


def private_folder(repository: str | None) -> Path:
    """A folder for this repository, else for this user; made when it is not there, and closed to others."""
    for folder in _candidates(repository):
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise CommandError("there is no folder that can be written to keep the review in; name a file with --db")


def database_of(subject: ReviewInput) -> Path:
    """One file per review: opening it resumes this review, and no other one."""
    return private_folder(subject.repository) / f"{subject.workflow_id}.db"


def forget_old(folder: Path, *, now: float | None = None) -> None:
    """Deletes reviews that nobody has opened for 30 days."""
    limit = (time.time() if now is None else now) - _KEPT_SECONDS
    for lock in folder.glob("review-*.db.lock"):
        with suppress(OSError):
            if lock.stat().st_mtime < limit:  # every opening writes it
                name = lock.name.removesuffix(".db.lock")
                for suffix in _SUFFIXES:
                    (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _candidates(repository: str | None) -> Iterator[Path]:
    if repository is not None:
        yield Path(Git(Path(repository)).text("rev-parse", "--absolute-git-dir")) / "perdure"
    yield Path(typer.get_app_dir("perdure")) / "reviews"
