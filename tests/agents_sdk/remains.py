"""What agents have left in a folder, and programs that are killed over one."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.mortal import mortal

__all__ = ["kept", "kill_when_destroyed"]


def kept(folder: Path) -> dict[str, int]:
    """What is left of agents in a folder that nobody uses."""
    with sqlite3.connect(folder / "agents.db") as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("agent", "agent_state", "timer")
        }
    connection.close()
    return {**counts, "files": len(list(folder.glob("agents-sql/*.db")))}


def kill_when_destroyed(program: str, folder: Path) -> None:
    """Runs a module over the folder until it says that something is destroyed, and kills it."""
    command = [sys.executable, "-m", program, str(folder)]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "destroyed\n"
        process.send_signal(signal.SIGKILL)
