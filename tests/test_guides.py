"""The programs of the guide pages run as they stand there, each by itself in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
PROGRAMS = [
    pytest.param(program, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, program in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL), 1
    )
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_a_guide_page_runs(program: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(program, "utf-8")
    command = [sys.executable, "-W", "error", "main.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
