"""`python -m benchmarks`."""

from __future__ import annotations

import platform
import sqlite3

from benchmarks.steps import measures

print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}")
for measure in measures():
    print(measure, flush=True)
