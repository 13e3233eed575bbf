"""`python -m tests.agents_sdk.chat.model 200 7`: how many schedules, and the seed of the first."""

from __future__ import annotations

import sys

from tests.agents_sdk.chat.model.schedule import failures

found = failures(int(sys.argv[1]), int(sys.argv[2]))
sys.exit("\n\n".join(found) if found else 0)
