"""`python -m tests.model memory 1000 7`: backend, how many schedules, and the seed."""

from __future__ import annotations

import sys

from tests.model.machine import run

backend, schedules, number = sys.argv[1:]
run(backend, schedules=int(schedules), number=int(number))
