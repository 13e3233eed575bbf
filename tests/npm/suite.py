"""Runs a file of the Node suite; packages are installed once for all runs of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock

__all__ = ["ROOT", "Unavailable", "beside", "installed", "node", "run"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_OLDEST = 20
_INSTALL = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
_PATIENCE = 300


class Unavailable(Exception):
    """The clients cannot be run here, for this reason."""


def run(file: Path, *, patience: float) -> tuple[bool, str]:
    """Whether every test of the file passed, and what Node says. Raises `Unavailable`."""
    with beside(installed(HERE / "package.json"), HERE.glob("*.mjs")) as folder:
        command = [node(), "--test", "--test-reporter=spec", str(folder / file.name)]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHON": sys.executable, "ROOT": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=patience,
            check=False,
        )
    return done.returncode == 0, done.stdout


def installed(package: Path) -> Path:
    """A folder below the user's cache with what a `package.json` asks for; installed if need be."""
    kept = _cache() / f"npm-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent, prefix="installing-") as folder:
                shutil.copy(package, folder)
                _install(Path(folder))
                Path(folder).rename(kept)
                Path(folder).mkdir()  # for who removes it
    return kept


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed, which fetches the official clients")
    command = [npm, *_INSTALL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        raise Unavailable(f"npm could not install the official clients: {done.stderr.strip()}")


def node() -> str:
    """The program; raises `Unavailable` when it is not there, or too old."""
    found = shutil.which("node")
    if found is None:
        raise Unavailable("Node.js is not installed, in which the official clients run")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < _OLDEST:
        raise Unavailable(
            f"Node.js {version.strip()} is too old for the official clients: {_OLDEST} is needed"
        )
    return found


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "perdure-tests"


@contextlib.contextmanager
def beside(packages: Path, files: Iterable[Path]) -> Iterator[Path]:
    """A folder with copies of these files and folders, from which Node finds the packages."""
    with tempfile.TemporaryDirectory(dir=packages, prefix="run-") as folder:
        for file in files:
            if file.is_dir():
                shutil.copytree(file, Path(folder) / file.name)
            else:
                shutil.copy(file, folder)
        yield Path(folder)
