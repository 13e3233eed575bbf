"""Serves anew when the source changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from uvicorn.supervisors.basereload import BaseReload

__all__ = ["SourceReload"]

_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "build", "dist"})


class SourceReload(BaseReload):
    """Watches the Python files of a project, and not those of its virtual environment.

    It looks before each start of the server, so that no edit falls between a start and the first look.
    """

    _seen: dict[Path, int]

    def startup(self) -> None:
        """Starts the server for the first time."""
        self.reloader_name = "agents dev"
        self._seen = self._look()
        super().startup()

    def should_restart(self) -> list[Path] | None:
        """The files that are new, changed or gone since the last look."""
        self.pause()
        before, self._seen = self._seen, self._look()
        return sorted(dict(before.items() ^ self._seen.items())) or None

    def _look(self) -> dict[Path, int]:
        return {path: changed for path in self._sources() if (changed := _changed_at(path))}

    def _sources(self) -> Iterator[Path]:
        for root in self.config.reload_dirs:
            for folder, below, names in os.walk(root):
                below[:] = [name for name in below if name not in _FOREIGN and not name.startswith(".")]
                yield from (Path(folder, name) for name in names if name.endswith(".py"))


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # gone while we looked
        return 0
