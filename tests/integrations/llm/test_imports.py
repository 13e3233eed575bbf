"""What an import costs."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["integrations.llm", "integrations.llm.testing"])
def test_what_is_heavy_is_loaded_when_it_is_used(module: str) -> None:
    heavy = "{'openai', 'httpx', 'httpx2', 'starlette', 'tiktoken', 'regex', 'genai_prices', 'apscheduler'}"
    code = f"import sys, {module}; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
