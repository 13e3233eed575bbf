"""Every program of the guides in `docs/` runs by itself, in an empty folder, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def programs() -> Iterator[object]:
    """The blocks of each page, in order."""
    for page in sorted(ROOT.glob("docs/*.md")):
        blocks = re.findall(
            r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        for number, block in enumerate(blocks, 1):
            yield pytest.param(block, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("program", list(programs()))
def test_a_program_of_a_guide_runs_as_it_stands(program: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(program, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "main.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = re.findall(r"print\(.*\) +# (.*)$", program, re.MULTILINE)
    printed = ran.stdout.splitlines()
    assert [line for line in said if line not in printed] == []
