"""A plugin for pytest that makes the engine lie: `MUTATION=no-epoch-check pytest -p tests.fault.mutated`.

The processes that its tests start lie, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.fault.crash_mutations import MUTATIONS
from tests.fault.file_mutations import FILE_MUTATIONS
from tests.fault.row_mutations import ROW_MUTATIONS
from tests.fault.rule_mutations import RULE_MUTATIONS

lies: dict[str, Callable[[], None]] = {
    **MUTATIONS,
    **FILE_MUTATIONS,
    **ROW_MUTATIONS,
    **RULE_MUTATIONS,
}
lies[os.environ["MUTATION"]]()

_here = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(_here / "lying"), str(_here.parent.parent)])
