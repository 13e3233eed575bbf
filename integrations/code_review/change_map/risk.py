"""How much care a change asks for, by where and how much it touches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from integrations.code_review.change_map.model import FileChange, Risk, SignatureChange
from integrations.code_review.python import is_test

__all__ = ["Kind", "file_kind", "risk_of"]

Kind = Literal["CI", "dependencies", "deployment", "owners", "migration", "security", "money"]

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "CI",
        re.compile(
            r"^\.github/(?:workflows|actions)/|^\.gitlab-ci|^\.circleci/|(?:^|/)Jenkinsfile|^azure-pipelines"
            r"|^\.travis\.yml|^\.buildkite/|^\.pre-commit-config\.yaml"
        ),
    ),
    (
        "dependencies",
        re.compile(
            r"(?:^|/)(?:pyproject\.toml|setup\.(?:py|cfg)|[\w.-]*requirements[\w.-]*\.(?:txt|in)|Pipfile|package\.json"
            r"|go\.mod|Cargo\.toml|Gemfile|pom\.xml|build\.gradle(?:\.kts)?|composer\.json|environment\.ya?ml"
            r"|constraints[\w.-]*\.txt|[\w.-]+\.lock|[\w.-]+-lock\.(?:json|yaml))$"
        ),
    ),
    (
        "deployment",
        re.compile(
            r"(?:^|/)(?:Dockerfile[\w.-]*|docker-compose[\w.-]*\.ya?ml|compose\.ya?ml|Procfile)$|\.tf$|(?:^|/)(?:k8s|helm)/"
        ),
    ),
    ("owners", re.compile(r"(?:^|/)(?:CODEOWNERS|\.codereview\.toml)$")),
    ("migration", re.compile(r"(?:^|/)migrations?/|(?:^|/)alembic/versions/|\.sql$")),
    (
        "security",
        re.compile(
            r"(?:^|[/_])(?:auth(?:entication|orization|n|z)?|login|password|passwd|permissions?|security|crypto\w*|token|oauth|session|secrets?|acl|rbac"
            r"|sandbox)(?:[/_.]|$)",
            re.IGNORECASE,
        ),
    ),
    (
        "money",
        re.compile(
            r"(?:^|[/_])(?:payments?|billing|invoices?|checkout|refunds?|pricing|ledger)(?:[/_.]|$)",
            re.IGNORECASE,
        ),
    ),
)
_HEAVY = frozenset({"security", "money", "migration", "deployment", "CI", "owners"})
_MANY_LINES, _MANY_FILES = 400, 20


def file_kind(path: str) -> Kind | None:
    """What a file is for, when that asks for care."""
    return next((kind for kind, pattern in _KINDS if pattern.search(path)), None)


def risk_of(
    files: Sequence[FileChange], signatures: Sequence[SignatureChange]
) -> tuple[Risk, tuple[str, ...]]:
    """The tier, with its reasons."""
    source = [file for file in files if not is_test(file.path)]
    kinds = dict.fromkeys(kind for file in source if (kind := file_kind(file.path)))
    reasons = [f"touches {kind}" for kind in kinds]
    lines = sum(file.added + file.removed for file in source)
    if lines > _MANY_LINES:
        reasons.append(f"{lines:,} changed lines outside tests")
    if len(source) > _MANY_FILES:
        reasons.append(f"{len(source)} files outside tests")
    public = [one.name for one in signatures if not is_test(one.path)]
    if public:
        reasons.append(f"changes {len(public)} public signature{'s' if len(public) > 1 else ''}")
    if _HEAVY & kinds.keys() or lines > _MANY_LINES:
        return "high", tuple(reasons)
    return ("medium" if reasons else "low"), tuple(reasons)
