"""What people do not want to be told again: a file for each repository, beside its reviews."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from integrations.cli.errors import CommandError
from integrations.cli.review.place import private_folder
from integrations.code_review import ReviewReport
from integrations.code_review.finding import SHORT
from integrations.code_review.git import Git

__all__ = ["Dismissal", "Dismissals", "without"]

_PATIENCE = 10.0


class Dismissal(BaseModel):
    """One finding, by `Finding.short`."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    reason: str = ""
    at: float = 0.0
    """Seconds since the epoch."""


_File = TypeAdapter(list[Dismissal])


@dataclass(frozen=True, slots=True)
class Dismissals:
    """Kept in `path`; a change is there, or is not, whenever the process is killed."""

    path: Path

    @classmethod
    def of_folder(cls, folder: Path) -> Dismissals:
        """Of the git repository that a folder is in; raises `NotARepository`."""
        all_worktrees = Git.at(folder).text("rev-parse", "--path-format=absolute", "--git-common-dir")
        return cls(private_folder(all_worktrees) / "dismissed.json")

    @classmethod
    def of_repository(cls, name: str) -> Dismissals:
        """Of `owner/name` at GitHub, for reviews by URL."""
        return cls(private_folder(None) / f"dismissed-{name.lower().replace('/', '.', 1)}.json")

    def all(self) -> list[Dismissal]:
        """The newest first."""
        try:
            return _File.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError:
            raise CommandError(f"{self.path} is no list of dismissals: delete it") from None

    def add(self, new: Iterable[Dismissal]) -> None:
        """Durable when it returns."""
        with self._alone():
            added = {one.fingerprint: one for one in new}
            kept = [one for one in self.all() if one.fingerprint not in added]
            self._write([*added.values(), *kept])

    def remove(self, fingerprints: Iterable[str]) -> list[str]:
        """Durable when it returns; gives those that were there."""
        unwanted = set(fingerprints)
        with self._alone():
            there = self.all()
            self._write([one for one in there if one.fingerprint not in unwanted])
        return [one.fingerprint for one in there if one.fingerprint in unwanted]

    def settled(self) -> tuple[str, ...]:
        """As `ReviewInput` takes them."""
        return tuple(sorted(one.fingerprint for one in self.all()))

    def _alone(self) -> FileLock:
        return FileLock(f"{self.path}.lock", timeout=_PATIENCE)

    def _write(self, dismissals: Iterable[Dismissal]) -> None:
        content = json.dumps([one.model_dump() for one in dismissals], indent=1)
        beside = self.path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)


def without(report: ReviewReport, settled: Iterable[str]) -> ReviewReport:
    """A report that was recorded before these were dismissed, without them."""
    unwanted = {one[:SHORT] for one in settled}
    gone = [one for one in report.findings if one.short in unwanted]
    failed = sum(not one.preexisting and one.severity.at_least(report.fail_on) for one in gone)
    dropped = report.dropped.model_copy(update={"settled": report.dropped.settled + len(gone)})
    left = tuple(one for one in report.findings if one.short not in unwanted)
    return report.model_copy(
        update={"findings": left, "dropped": dropped, "failing": max(0, report.failing - failed)}
    )
