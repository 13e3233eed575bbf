"""Deliveries outlive SIGKILL: every end is told at least once, and each time as the same delivery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.workflows.hooks.receiver import receiving
from workflows.hooks import new_secret

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")


def test_every_end_is_told_however_often_it_was_killed(tmp_path: Path) -> None:
    secret = new_secret()
    with receiving() as receiver:
        command = [sys.executable, "-m", "tests.workflows.hooks.killed", str(tmp_path), receiver.url, secret]
        environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
        ended = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=55, env=environment
        )
        got = list(receiver.got)
    report = json.loads(ended.stdout.splitlines()[-1])
    deliveries = defaultdict(set)
    for request in got:
        assert request.is_signed_with(secret)
        deliveries[request.message["data"]["id"]].add(request.id)
    assert len(report["created"]) > 12
    assert set(report["created"]) <= set(report["ended"])
    assert set(deliveries) == set(report["ended"])
    assert {len(ids) for ids in deliveries.values()} == {1}
    assert report["started"] == report["ended"]
