"""SEC-31: the key of the model is in the header that it is for and nowhere else, whatever a server says."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from integrations.code_review import exit_code, render
from integrations.llm.testing import Asked, ErrorReply
from tests.integrations.code_review.injections.attack import CANARIES, ENVIRONMENT, attack
from tests.integrations.code_review.injections.corpus import Injection

_KEY = "not-of-a-known-shape-" + "0123"


@pytest.mark.anyio
@pytest.mark.parametrize("key", [ENVIRONMENT["OPENAI_API_KEY"], _KEY])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
async def test_sec_31_a_server_that_repeats_the_key(
    key: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in {**ENVIRONMENT, "OPENAI_API_KEY": key}.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)

    def repeat(asked: Asked) -> ErrorReply:
        return ErrorReply(status, message=f"wrong: {asked.headers['authorization']}", code="x")

    attacked = await attack(Injection("none", "approves"), tmp_path, repeat, key=key)
    assert attacked.asked[0].headers["authorization"] == f"Bearer {key}"
    forms = "".join(render(attacked.report, form) for form in ("text", "json", "sarif", "markdown"))
    everywhere = attacked.stored + f"{forms}{attacked.shown}{caplog.text}".encode()
    assert [secret for secret in (*CANARIES, key) if secret.encode() in everywhere] == []
    assert exit_code(attacked.report) == 1
    assert "the model gave no answer" in attacked.report.incomplete[0].reason
