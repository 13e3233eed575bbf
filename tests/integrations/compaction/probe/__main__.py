"""What comes through of planted facts: `python -m tests.integrations.compaction.probe` prints the tables."""

from __future__ import annotations

import asyncio
import sys

from tests.integrations.compaction.probe.table import measured

if __name__ == "__main__":
    sys.stdout.write(asyncio.run(measured()).tables())
