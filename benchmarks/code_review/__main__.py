"""`python -m benchmarks.code_review --repositories DIR`: reviews the commits of `commits.csv`.

The clones stand at `DIR/OWNER/NAME` or `DIR/NAME`, bare or not; a project that is not there is left out, and
said to be. `--speed` measures how long a review takes, and needs no clones. Ends with 0 when something was
measured, with 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.code_review.choose import chosen
from benchmarks.code_review.commits import PARTS, PROJECTS, Commit, Part, clone_of, commits, store
from benchmarks.code_review.measure import Reviewed, review
from benchmarks.code_review.report import interval_lines, part_table, rule_table
from benchmarks.code_review.speed import speed_table
from integrations.code_review.apart import Apart


def main(arguments: Sequence[str]) -> int:
    """Measures, and prints Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_review", description=__doc__)
    parser.add_argument("--repositories", type=Path, metavar="DIR", default=Path())
    parser.add_argument("--part", choices=PARTS, help="one part of the commits; both by default")
    parser.add_argument("--judge", action="store_true", help="list every finding, for a person to judge")
    parser.add_argument("--speed", action="store_true", help="how long a change of 20 files takes")
    parser.add_argument("--choose", action="store_true", help="choose the held-out commits anew")
    options = parser.parse_args(arguments)
    if options.speed:
        print(speed_table())
        return 0
    clones = {name: clone for name in PROJECTS if (clone := clone_of(name, options.repositories))}
    for name in PROJECTS:
        if name not in clones:
            print(f"left out: {name} is not in {options.repositories}", file=sys.stderr)
    if not clones:
        parser.error(f"none of the projects is in {options.repositories}; clone them there first")
    if options.choose:
        if len(clones) < len(PROJECTS):
            parser.error("commits are chosen only when all ten projects are there")
        _choose(clones)
        return 0
    for part in [options.part] if options.part else PARTS:
        reviewed = list(_reviewed(part, clones))
        if reviewed:
            tables = part_table(reviewed), interval_lines(reviewed), rule_table(reviewed)
            print(f"## {part}", *tables, sep="\n\n", end="\n\n", flush=True)
            if options.judge:
                print("\n".join(_listed(reviewed)), flush=True)
    return 0


def _choose(clones: dict[str, Path]) -> None:
    """What rules were decided with stays; the others are chosen again, from what is left of the history."""
    tuned = [one for one in commits() if one.part == "tuned"]
    seen = [one.id for one in tuned]
    store([*tuned, *(one for name, clone in clones.items() for one in chosen(name, clone, "held-out", seen))])


def _reviewed(part: Part, clones: dict[str, Path]) -> Iterator[Reviewed]:
    wanted: list[Commit] = [one for one in commits() if one.part == part and one.project in clones]
    with Apart() as apart:
        for number, commit in enumerate(wanted, 1):
            yield review(commit, clones[commit.project], apart)
            print(f"\r{number} of {len(wanted)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _listed(reviewed: Sequence[Reviewed]) -> Iterator[str]:
    for one in reviewed:
        shown = one.hits() if one.commit.kind == "fix" else one.loud()
        for finding in shown:
            place = f"{finding.path}:{finding.line}"
            commit = f"{one.commit.kind} {one.commit.project} {one.commit.id[:12]}"
            yield f"- {commit} {place} {finding.rule}: {finding.message}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
