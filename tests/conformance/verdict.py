"""How one recorded case went, in lines that can be searched."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Passed, skipped for a reason, or failed with these differences."""

    id: str
    differences: tuple[str, ...] = ()
    skipped: str | None = None

    def __str__(self) -> str:
        if self.skipped is not None:
            return f"SKIP {self.id}: {self.skipped}"
        return "\n".join(f"FAIL {self.id}: {one}" for one in self.differences) or f"PASS {self.id}"
