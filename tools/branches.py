"""Hold the branch coverage: `python tools/branches.py coverage.json 90`.

The threshold of coverage itself mixes lines and branches and adds up the packages; this one looks at the
branches of each package.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path, PurePath


def taken(report: Path) -> dict[str, float]:
    """The percentage of branches taken, per top-level package."""
    branches: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for file, result in json.loads(report.read_text(encoding="utf-8"))["files"].items():
        package = PurePath(file.replace("\\", "/")).parts[0]
        branches[package] += result["summary"]["num_branches"]
        covered[package] += result["summary"]["covered_branches"]
    return {package: 100 * covered[package] / count if count else 0.0 for package, count in branches.items()}


def main(report: str, floor: str) -> int:
    """Print a line per package; 1 when one of them is below the floor, or nothing was measured."""
    packages = taken(Path(report))
    for package, percent in sorted(packages.items()):
        verdict = "" if percent >= float(floor) else f", and at least {floor} % is asked for"
        print(f"{package}: {percent:.1f} % of the branches are taken{verdict}")
    if not packages:
        print(f"{report} has no files: nothing was measured")
    return int(not packages or min(packages.values()) < float(floor))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
