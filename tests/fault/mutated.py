"""A plugin for pytest that makes the engine lie: `MUTATION=no-epoch-check pytest -p tests.fault.mutated`."""

from __future__ import annotations

import os

from tests.fault.crash_mutations import MUTATIONS
from tests.fault.file_mutations import FILE_MUTATIONS

{**MUTATIONS, **FILE_MUTATIONS}[os.environ["MUTATION"]]()
