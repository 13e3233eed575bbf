"""A plugin for pytest that makes the engine lie: `MUTATION=no-epoch-check pytest -p tests.fault.mutated`."""

from __future__ import annotations

import os

from tests.fault.crash_mutations import MUTATIONS

MUTATIONS[os.environ["MUTATION"]]()
