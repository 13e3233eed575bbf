"""The recorded scenarios against our engine: `python -m tests.conformance.workflows FILE`.

Prints a line for each case that fails (what differs) and for each that is skipped (why), then the totals.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tests.conformance.binding_calls import binding_differences
from tests.conformance.compare import differences
from tests.conformance.introspected import introspected_differences
from tests.conformance.killed import perform_killed
from tests.conformance.notes import adapted, asked
from tests.conformance.perform import perform
from tests.conformance.scenario import Scenario, read
from tests.conformance.skips import reason_to_skip
from tests.conformance.verdict import Verdict

__all__ = ["Verdict", "judge", "main"]

_PATIENCE = 30.0


async def judge(scenario: Scenario, backend: str, park: Literal["always"] | None = None) -> Verdict:
    """Runs one scenario and compares."""
    if (reason := reason_to_skip(scenario, backend)) is not None:
        return Verdict(scenario.id, skipped=reason)
    try:
        async with asyncio.timeout(_PATIENCE):
            return Verdict(scenario.id, tuple(await _differences(adapted(scenario), backend, park)))
    except TimeoutError:
        return Verdict(scenario.id, (f"did not end within {_PATIENCE:g} seconds",))
    except NotImplementedError as error:
        return Verdict(scenario.id, (f"the runner does not know {error}",))
    except Exception as error:  # noqa: BLE001  # one broken case must not hide the others
        return Verdict(scenario.id, (f"{type(error).__name__}: {error}",))


async def _differences(scenario: Scenario, backend: str, park: Literal["always"] | None) -> list[str]:
    match scenario.group:
        case "binding":
            return await binding_differences(scenario, backend)
        case "testing-api":
            return await introspected_differences(scenario, backend)
        case "process-kill":
            return differences(scenario, asked(scenario), await perform_killed(scenario))
    return differences(scenario, asked(scenario), await perform(scenario, backend, park))


def main(arguments: list[str] | None = None) -> int:
    """1 when any case failed, else 0."""
    options = _parser().parse_args(arguments)
    chosen = _chosen(read(options.file), options.only, options.group)
    if not chosen:
        sys.stderr.write("no scenario has this id or group\n")
        return 2
    logging.getLogger("workflows").setLevel(logging.CRITICAL)  # attempts fail here by the dozen, on purpose
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for scenario in chosen:
        verdict = asyncio.run(judge(scenario, options.backend, "always" if options.park else None))
        outcome = "skipped" if verdict.skipped else "failed" if verdict.differences else "passed"
        counts[outcome] += 1
        for line in _shown(verdict, in_full=bool(options.only)):
            _say(line)
    _say(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["failed"] else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _shown(verdict: Verdict, *, in_full: bool) -> list[str]:
    if in_full and verdict.differences:
        return [f"FAIL {verdict.id}: {difference}" for difference in verdict.differences]
    return [str(verdict)] if verdict.skipped or verdict.differences or in_full else []


def _chosen(scenarios: Iterable[Scenario], only: list[str], groups: list[str]) -> list[Scenario]:
    return [
        scenario
        for scenario in scenarios
        if (not only or scenario.id in only) and (not groups or scenario.group in groups)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.workflows", description=__doc__)
    parser.add_argument("file", type=Path, help="the scenarios, as JSON")
    parser.add_argument("--backend", choices=("sqlite", "memory"), default="sqlite")
    parser.add_argument("--park", action="store_true", help="park at every wait")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="this scenario, in full")
    parser.add_argument("--group", action="append", default=[], metavar="GROUP")
    return parser


if __name__ == "__main__":
    sys.exit(main())
