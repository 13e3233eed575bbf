"""Runs a fault test in a process of its own, and reads the report that is the last line of its output."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["ran"]


def ran(module: str, folder: Path, *options: object) -> dict[str, Any]:
    """What `python -m tests.fault.MODULE FOLDER` reports; the seed is shown when a test fails."""
    seed = random.randrange(1 << 32)
    command = [sys.executable, "-m", f"tests.fault.{module}", str(folder), "--seed", str(seed)]
    process = subprocess.run([*command, *map(str, options)], capture_output=True, text=True, check=False)
    sys.stdout.write(f"seed {seed}\n{process.stdout}\n{process.stderr}")
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report
