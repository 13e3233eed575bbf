"""Recorded traffic against our server: `python -m tests.conformance.wire FILE...`.

Each client of a recording is connected, sends what it sent, and must get what it got: per client the same
frames in the same order, with the names that a server makes renamed. Prints a line for each file that fails
and for each that is skipped, then the totals.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from agents_sdk.routing import kebab
from tests.conformance.verdict import Verdict
from tests.conformance.wire_compare import differences
from tests.conformance.wire_recording import Recording, read
from tests.conformance.wire_replay import replay
from tests.conformance.wire_server import server
from tests.npm.app import AGENTS

__all__ = ["Verdict", "judge", "main"]

_PATIENCE = 60.0


async def judge(recording: Recording) -> Verdict:
    """Replays one recording and compares."""
    if (reason := _reason_to_skip(recording)) is not None:
        return Verdict(recording.id, skipped=reason)
    with tempfile.TemporaryDirectory() as data:
        try:
            async with (
                asyncio.timeout(_PATIENCE),
                server(Path(data), killable=recording.is_killed) as ours,
            ):
                replayed = await replay(recording, ours)
        except TimeoutError:
            return Verdict(recording.id, (f"did not end within {_PATIENCE:g} seconds",))
    return Verdict(recording.id, tuple(differences(recording, replayed)))


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when any recording failed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.wire", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a recording, as JSON lines")
    logging.getLogger("agents_sdk").setLevel(logging.CRITICAL)  # methods raise here on purpose
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for file in parser.parse_args(arguments).files:
        verdict = asyncio.run(judge(read(file)))
        counts["skipped" if verdict.skipped else "failed" if verdict.differences else "passed"] += 1
        if verdict.skipped or verdict.differences:
            _say(str(verdict))
    _say(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["failed"] else 0


def _reason_to_skip(recording: Recording) -> str | None:
    connects = [line for line in recording.lines if line.does == "connect"]
    if not connects:
        return "no client connects in it: it holds notes only"
    known = {kebab(name) for name in AGENTS}
    for line in connects:
        if not recording.of(line.conn, "open"):  # it is to be refused
            continue
        segments = [one for one in urlsplit(line.path).path.split("/") if one]
        if segments[:1] == ["agents"] and len(segments) > 2 and segments[1] not in known:
            return f"the test app has no agent {segments[1]}"
    return None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
