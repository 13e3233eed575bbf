"""Credentials on added lines, as findings that do not repeat them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection

from integrations.code_review.diff.apply import split_lines
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.python import is_test
from integrations.secrets import Secret, find_secrets, masked

__all__ = ["secret_findings"]

_MILDER = {"url-password": Severity.HIGH, "hard-coded": Severity.HIGH, "random-text": Severity.LOW}
"""The kinds that are not critical."""
_MADE_UP = re.compile(r"0123456789|1234567890|abcdefghij", re.IGNORECASE)
"""Of a provider's keys none counts."""


def secret_findings(path: str, text: str, *, first_line: int, added: Collection[int]) -> list[Finding]:
    """One finding per credential, and one for all guesses, at the first added line that has it."""
    secrets = find_secrets(text)
    lines = split_lines(text)
    shown = split_lines(masked(text, secrets))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found: dict[str, Finding] = {}
    for secret in secrets:
        covered = range(bisect_right(starts, secret.start) - 1, bisect_right(starts, secret.end - 1))
        touched = [index for index in covered if index + first_line in added]
        same = secret.kind if secret.kind == "random-text" else text[secret.start : secret.end]
        if not touched or same in found:
            continue
        found[same] = Finding(
            path=path,
            line=touched[0] + first_line,
            end_line=touched[-1] + first_line,
            severity=_severity(path, secret, text[secret.start : secret.end]),
            rule=f"secret/{secret.kind}",
            message=f"This adds {secret.name}. Take it out, read it from the environment, and replace it "
            "where it is used: it stays in the history of the repository.",
            evidence=shown[touched[0]].strip(),
        )
    return list(found.values())


def _severity(path: str, secret: Secret, value: str) -> Severity:
    """Tests are full of passwords that open nothing; keys of a provider are none, unless somebody counted."""
    severity = _MILDER.get(secret.kind, Severity.CRITICAL)
    harmless = secret.guessed or _MADE_UP.search(value) is not None
    return severity.at_most(Severity.LOW) if is_test(path) and harmless else severity
