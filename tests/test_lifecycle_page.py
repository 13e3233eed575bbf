"""The page and the diagram of the lifecycle are what the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import lifecycle

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(
    ("file", "made"), [("lifecycle.md", lifecycle.page), ("images/lifecycle.svg", lifecycle.diagram)]
)
def test_it_is_up_to_date(file: str, made: object) -> None:
    assert callable(made)
    assert (DOCS / file).read_text(encoding="utf-8") == made(), "run `python tools/lifecycle.py`"
