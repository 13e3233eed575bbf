"""What a repository asks of its reviews: `.codereview.toml`, or `[tool.codereview]` in pyproject.toml.

They are read from the commit before the change, so that a change cannot ask to be reviewed less.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from integrations.code_review.errors import SettingsError
from integrations.code_review.finding import Severity
from integrations.code_review.git import Git
from integrations.code_review.globs import matches_any
from integrations.code_review.visible import visible
from integrations.value import Value

__all__ = ["ANALYSERS", "SETTINGS_FILES", "Analyser", "Settings", "load_settings", "parse_settings"]

SETTINGS_FILES = (".codereview.toml", "pyproject.toml")

Analyser = Literal["secrets", "checks", "signals", "change", "ruff"]
ANALYSERS: tuple[Analyser, ...] = ("secrets", "checks", "signals", "change", "ruff")

Profile = Literal["quiet", "normal", "strict"]
_PROFILES: dict[Profile, tuple[int, Severity]] = {
    "quiet": (5, Severity.MEDIUM),
    "normal": (8, Severity.NOTE),
    "strict": (50, Severity.NOTE),
}


class Settings(Value):
    """Every setting with its default; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")

    ignore: tuple[str, ...] = ()
    """Paths that are not reviewed."""
    include: tuple[str, ...] = ()
    """When given, nothing else is reviewed."""
    ignore_rules: tuple[str, ...] = ()
    """Rules that are not reported, e.g. `check/todo` or `signal/*`."""
    profile: Profile = "normal"
    max_findings: int | None = Field(default=None, ge=1, le=200)
    min_severity: Severity | None = None
    fail_on: Severity = Severity.HIGH
    """Findings this bad, or worse, make the exit code 1."""
    analysers: tuple[Analyser, ...] = ANALYSERS
    rules: dict[str, str] = Field(default_factory=dict[str, str])
    """What a model is told about paths, in plain words: pattern → text."""
    language: str = Field(default="English", max_length=40)
    """The language that a model answers in."""
    max_files: int = Field(default=300, ge=1, le=3_000)
    max_changed_lines: int = Field(default=4_000, ge=1)
    """A file with more changed lines is not reviewed."""
    budget_tokens: int = Field(default=400_000, ge=1)
    """Tokens of one review; the files left over are listed as not reviewed."""

    budget_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """US dollars of one review; as `budget_tokens`."""
    concurrency: int = Field(default=4, ge=1, le=32)
    """How many questions are put to a model at once."""
    model: str | None = Field(default=None, min_length=1, max_length=200)
    """The model that is asked where the caller names none."""

    @property
    def cap(self) -> int:
        """The number of findings that are shown."""
        return self.max_findings or _PROFILES[self.profile][0]

    @property
    def floor(self) -> Severity:
        """The mildest severity that is shown."""
        return self.min_severity or _PROFILES[self.profile][1]

    def wants(self, path: str) -> bool:
        """Whether `ignore` and `include` leave this path to be reviewed."""
        return not matches_any(path, self.ignore) and (not self.include or matches_any(path, self.include))

    def runs(self, analyser: Analyser) -> bool:
        """Whether `analysers` names it."""
        return analyser in self.analysers

    def silences(self, rule: str) -> bool:
        """Whether `ignore_rules` names this rule."""
        return matches_any(rule, self.ignore_rules)

    def words_for(self, path: str) -> list[str]:
        """What a model is to be told about this path."""
        return [text for pattern, text in self.rules.items() if matches_any(path, [pattern])]


def load_settings(git: Git | None, commit: str | None) -> Settings:
    """The settings of a commit; the defaults when it has none. Raises `SettingsError`."""
    if git is None or commit is None:
        return Settings()
    for name in SETTINGS_FILES:
        content = git.blob(f"{commit}:{name}")
        if content is not None and (found := parse_settings(content, name)) is not None:
            return found
    return Settings()


def parse_settings(content: bytes, name: str) -> Settings | None:
    """The settings in a file; None when a pyproject.toml has no `[tool.codereview]`."""
    try:
        tables = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{name} of the commit before the change is not TOML: {visible(str(error))}"
        ) from None
    if name == "pyproject.toml":
        tool = tables.get("tool", {})
        if not isinstance(tool, dict) or "codereview" not in tool:
            return None
        tables = tool["codereview"]
        name = "[tool.codereview] in pyproject.toml"
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        raise SettingsError(f"{name} of the commit before the change: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = visible(".".join(str(part) for part in first["loc"]))
    if first["type"] != "extra_forbidden":
        return f"{where or 'the table'}: {visible(first['msg'])}"
    close = get_close_matches(where, Settings.model_fields, n=1)
    advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(Settings.model_fields))}"
    return f"unknown setting {where}; {advice}"
