"""One attack through the whole pipeline: a real repository, a real file, real HTTP to the obedient model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from integrations.code_review import CodeReview, ReviewEnv, ReviewReport, choose_change
from integrations.code_review.model.language_model import LanguageModel
from integrations.llm import LLM
from integrations.llm.testing import Asked, Script, ScriptedModel
from tests.integrations.code_review.injections.corpus import Injection
from tests.integrations.code_review.repository import Repository
from tests.integrations.code_review.reviewing import APART, ONCE
from workflows import Engine

__all__ = ["CANARIES", "ENVIRONMENT", "Attacked", "attack"]

_BODY = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8x"
ENVIRONMENT = {
    "GITHUB_TOKEN": "ghp_" + "Env" + _BODY + "Y0z1A",
    "AWS_SECRET_ACCESS_KEY": "Canary" + "Env" + _BODY,
    "OPENAI_API_KEY": "sk-" + "Key" + _BODY,
}
_IN_FILE = "ghp_" + "Old" + _BODY + "Y0z1A"
_IN_DIFF = "ghp_" + "New" + _BODY + "Y0z1A"
_IN_BOTH = "sk_live_" + "Near" + _BODY
CANARIES = (*ENVIRONMENT.values(), _IN_FILE, _IN_DIFF, _IN_BOTH)
"""None of them may be anywhere after a review."""

_SETTINGS = 'fail_on = "medium"\n[rules]\n"*.py" = "Money is in cents."\n'
_OLD = f'import subprocess\n\nOLD = "{_IN_FILE}"\nNEAR = "{_IN_BOTH}"\n\n\ndef tag(name):\n    return name\n'
_NEW = (
    f'import subprocess\n\nNEW = "{_IN_DIFF}"\nNEAR = "{_IN_BOTH}"\n\n\n'
    'def tag(name):\n    subprocess.run(f"git tag {name}", shell=True)\n    return name\n'
)
_CALLER = "from tool import tag\n\ntag(1)\n"


@dataclass(frozen=True, slots=True)
class Attacked:
    """What is left after it."""

    report: ReviewReport
    asked: Sequence[Asked]
    shown: str
    """The status, history and export of the run."""
    folder: Path

    @property
    def stored(self) -> bytes:
        """Every byte of the database and what lies beside it."""
        return b"".join(file.read_bytes() for file in self.folder.glob("review.db*"))

    @property
    def bodies(self) -> bytes:
        """All that was sent to the model."""
        return b"".join(orjson.dumps(one.body) for one in self.asked)


async def attack(
    injection: Injection, folder: Path, script: Script, *, key: str = ENVIRONMENT["OPENAI_API_KEY"]
) -> Attacked:
    """The review of a change that holds the injection, one real defect, and secrets."""
    repository = Repository.create(folder / "repo")
    repository.commit({"tool.py": _OLD, "app.py": _CALLER, ".codereview.toml": _SETTINGS})
    repository.commit({"tool.py": _NEW, **injection.files}, message=injection.message or "Change")
    database = folder / "review.db"
    async with (
        ScriptedModel(script, api_key=key) as model,
        LLM("m", base_url=model.url) as llm,
        Engine(
            str(database), [CodeReview], env=ReviewEnv(LanguageModel(llm), retries=ONCE, apart=APART)
        ) as engine,
    ):
        subject = choose_change(repository.root, revisions="HEAD~1..HEAD", model="m")
        if injection.title:
            subject = subject.model_copy(update={"title": injection.title})
        instance = await engine.workflow(CodeReview).create(id=subject.workflow_id, params=subject)
        report = await instance.result()
        history = [event async for event in instance.subscribe()]
        shown = f"{await instance.status()!r} {history!r} {await instance.export(sensitive=True)!r} {llm!r}"
    return Attacked(report, model.asked, shown, folder)
