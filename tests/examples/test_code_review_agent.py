"""`examples/code_review_agent.py`: two reviews against a fake GitHub, on virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.code_review_agent import app, main

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


async def test_it_tells_what_is_new_and_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await main(tmp_path)
    first, second = capsys.readouterr().out.split("Ann pushes")
    assert "GitHub delivers a webhook: 202" in first
    assert "review 1: 8 new" in first
    assert "shop/payment.py:37  **high** <code>secret/hard-coded</code>" in first
    assert "gone" not in first
    assert "shop/payment.py:37  gone" in second
    assert "shop/pricing.py:8  **medium**" in second


def test_for_github_it_needs_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_MODEL", "GITHUB_API_URL", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REPOSITORIES", "octo/shop,octo/site")
    monkeypatch.setenv("PUBLIC_HOST", "reviews.example.com")
    with pytest.raises(KeyError, match="GITHUB_WEBHOOK_SECRET"):
        app()
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "known to both")
    app()
