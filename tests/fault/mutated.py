"""A plugin for pytest that makes the engine lie: `MUTATION=no-epoch-check pytest -p tests.fault.mutated`."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.fault.crash_mutations import MUTATIONS
from tests.fault.file_mutations import FILE_MUTATIONS
from tests.fault.row_mutations import ROW_MUTATIONS

lies: dict[str, Callable[[], None]] = {**MUTATIONS, **FILE_MUTATIONS, **ROW_MUTATIONS}
lies[os.environ["MUTATION"]]()
