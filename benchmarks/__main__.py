"""`python -m benchmarks`: asks questions of this machine, and tells what it answers.

Ends with 0 when everything was measured, 1 when a result was wrong or a program broke, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.asked import Asked, Question
from benchmarks.catalogue import QUESTIONS
from benchmarks.child import Broken
from benchmarks.figures import Wrong
from benchmarks.machine import described
from benchmarks.progress import Progress
from benchmarks.report import Answered, Report


def main(arguments: Sequence[str]) -> int:
    """Measures what the arguments name."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(QUESTIONS):
        parser.error(f"no question {', '.join(sorted(unknown))}: there are {', '.join(QUESTIONS)}")
    if options.list:
        for question in QUESTIONS.values():
            print(f"{question.name:<18} {question.text}")
        return 0
    machine = described()
    print("\n".join(f"{name:<12} {told}" for name, told in machine.items()) + "\n", flush=True)
    answered: list[Answered] = []
    broken = 0
    for name in options.names or QUESTIONS:
        one = _ask(QUESTIONS[name], options)
        if one is None:
            broken += 1
        else:
            answered.append(one)
            print(one.table(), flush=True)
    report = Report(shlex.join(["python", "-m", "benchmarks", *arguments]), machine, answered)
    for name, told in report.versions.items():
        print(f"{name:<12} {told}")
    if options.json:
        options.json.write_text(report.as_json(), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(report.as_markdown(), encoding="utf-8")
    return 1 if broken else 0


def _ask(question: Question, options: argparse.Namespace) -> Answered | None:
    progress = Progress(question.name)
    asked = Asked(
        progress.tell,
        rounds=options.rounds,
        count=options.count,
        quick=options.quick,
        peers=not options.no_peers,
        folder=options.folder,
    )
    try:
        answer = question.ask(asked)
    except (Wrong, Broken) as error:
        progress.close()
        print(f"{question.name}: {error}", file=sys.stderr)
        return None
    return Answered(question, answer, progress.close())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions; all of them when none is named")
    parser.add_argument("--list", action="store_true", help="show the questions and end")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, not how fast")
    parser.add_argument("--rounds", type=_number, help="how often each is measured; the median counts")
    parser.add_argument("--count", type=_number, help="how many instances, timers or connections")
    parser.add_argument("--no-peers", action="store_true", help="without other engines: nothing is installed")
    parser.add_argument("--folder", type=Path, help="where files are made, on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything for programs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a page for people")
    return parser


def _number(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("give at least 1")
    return number


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
