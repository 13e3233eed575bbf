"""What is to be reviewed: frozen, small, and without any text of the change."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import ConfigDict

from integrations.value import Value

__all__ = ["ReviewInput", "digest"]

_RULES = 2
"""Counts up when equal changes get other findings, so that an old review is not taken for a new one."""


def digest(content: bytes) -> str:
    """The hash by which a change is known again."""
    return hashlib.sha256(content).hexdigest()


class ReviewInput(Value):
    """Identifies one change. The same change gives the same `workflow_id`, so that a killed review resumes.

    It holds hashes and places only: the text of a change may hold secrets and is read anew when it is needed.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["worktree", "staged", "range", "patch"]
    repository: str | None
    base: str | None
    """The commit (or tree) before the change; settings and old texts come from it."""
    head: str | None
    """The commit after the change; None when it is not committed."""
    digest: str
    patch: str | None = None
    title: str = ""
    """What people call the change, e.g. `main..feature`; not a part of its identity."""
    model: str | None = None
    """The name of the model that is asked, None for an offline review."""
    settled: tuple[str, ...] = ()
    """Fingerprints of findings that are not told again: people dismissed them, or were told before.

    They leave their places to others. Not a part of the identity either: nothing is found anew by them.
    """

    def fingerprint(self) -> str:
        """Equal for equal changes, reviewed by equal rules."""
        identity = {**self.model_dump(exclude={"title", "settled"}), "rules": _RULES}
        return digest(json.dumps(identity, sort_keys=True).encode())

    @property
    def workflow_id(self) -> str:
        """The id of the workflow instance that reviews this."""
        return f"review-{self.fingerprint()[:32]}"
