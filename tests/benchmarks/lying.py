"""A program of the benchmark that is not what it says: it replies with what it was asked to reply."""

from __future__ import annotations

import sys

from benchmarks.child import Reply, Request, Unavailable, answer


def _measure(request: Request) -> Reply:
    match request.get("by"):
        case "breaking":
            sys.stderr.write("the disk is on fire\n")
            raise SystemExit(3)
        case "being away":
            raise Unavailable("it is not here")
        case "waiting":
            sys.stdout.write('{"ready": true}\n')
            sys.stdin.read()
    right = {"workflows": 10, "right": 10, "acknowledged": 50, "present": 50, "p50_ms": 1.0, "p99_ms": 2.0}
    return {**right, **request["reply"]}


if __name__ == "__main__":
    answer(_measure)
