"""The environment of the peers: made on first use, from pins with hashes, apart from ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.child import ROOT, Unavailable
from benchmarks.rounds import Tell

__all__ = ["packages", "python"]

_PINS = ROOT / "pins" / "peers.txt"
_FOLDER = ROOT / ".venv" / "peers"
_BIN = "Scripts" if os.name == "nt" else "bin"


def python(tell: Tell) -> str:
    """Its interpreter; raises `Unavailable` when the packages cannot be installed."""
    executable = _FOLDER / _BIN / "python"
    made = _FOLDER / "made-from"
    wanted = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    if not made.exists() or made.read_text(encoding="ascii") != wanted:
        tell("installing the peers (once)")
        shutil.rmtree(_FOLDER, ignore_errors=True)
        venv.create(_FOLDER, with_pip=True, symlinks=os.name != "nt")
        _install(executable)
        made.write_text(wanted, encoding="ascii")
    return str(executable)


def packages(tell: Tell) -> Path:
    """The folder that its packages are in."""
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    run = subprocess.run([python(tell), "-c", program], capture_output=True, text=True, check=True)
    return Path(run.stdout.strip())


def _install(executable: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    installer = (
        [str(uv), "pip", "install", "--python", str(executable)]
        if uv.exists()
        else [str(executable), "-m", "pip", "install", "--disable-pip-version-check"]
    )
    run = subprocess.run(
        [*installer, "--quiet", "--require-hashes", "-r", str(_PINS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise Unavailable("its packages cannot be installed: " + run.stderr.strip()[-400:])
