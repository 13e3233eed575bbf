"""What can only be said of the change as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from integrations.code_review.change_map.model import ChangeMap, FileChange
from integrations.code_review.change_map.risk import file_kind
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.orders import gives_orders
from integrations.code_review.python import is_python, is_test
from integrations.code_review.settings import SETTINGS_FILES

__all__ = ["change_findings"]

_EXECUTABLE = "100755"
_DECIDING = frozenset({"CI", "dependencies", "deployment", "owners"})


def change_findings(
    patches: Mapping[str, FilePatch], change_map: ChangeMap, *, has_tests: bool
) -> list[Finding]:
    """Files that ask for a second look, callers that break, source without tests."""
    return [
        *(finding for path, patch in patches.items() for finding in _touched(path, patch)),
        *_broken_callers(change_map),
        *(_untested(change_map.files) if has_tests else ()),
    ]


def _touched(path: str, patch: FilePatch) -> Iterator[Finding]:
    kind = file_kind(path)
    if kind in _DECIDING:
        words = f"This file decides about {kind}: a second look is worth it."
        yield _about(path, patch, f"{kind}-file".lower(), words)
    if _is_settings(path, patch):
        words = "The settings of reviews change; this change was still reviewed by the old ones."
        yield _about(path, patch, "review-settings", words)
    if gives_orders(re.sub(r"[\W_]+", " ", path)):
        words = "The name of this file gives orders to a reviewer or a model; none was followed."
        finding = _about(path, patch, "reviewer-instructions", words)
        yield finding.model_copy(update={"severity": Severity.MEDIUM})
    if patch.old_mode != patch.new_mode == _EXECUTABLE:
        yield _about(path, patch, "executable", "The file can be executed now: is it a program?")


def _is_settings(path: str, patch: FilePatch) -> bool:
    changed = (*patch.added().values(), *patch.removed().values())
    own, shared = SETTINGS_FILES
    return path == own or (path == shared and any("tool.codereview" in text for text in changed))


def _broken_callers(change_map: ChangeMap) -> Iterator[Finding]:
    for signature in change_map.signatures:
        broken = [one for one in change_map.callers if one.breaks and one.name == signature.name]
        if broken:
            first, more = broken[0], f", and {len(broken) - 1} more" if len(broken) > 1 else ""
            yield Finding(
                path=signature.path,
                line=signature.line,
                end_line=signature.line,
                severity=Severity.HIGH,
                rule="change/caller-breaks",
                message=f"`{signature.name}` is called at {first.path}:{first.line}{more}: {first.breaks}.",
                evidence=signature.new or signature.old,
                symbol=signature.name,
            )


def _untested(files: tuple[FileChange, ...]) -> Iterator[Finding]:
    source = [file for file in files if is_python(file.path) and not is_test(file.path) and file.functions]
    if source and not any(is_test(file.path) for file in files):
        largest = max(source, key=lambda file: file.added + file.removed)
        names = ", ".join(f"`{name}`" for name in largest.functions[:3])
        yield Finding(
            path=largest.path,
            line=0,
            end_line=0,
            severity=Severity.NOTE,
            rule="change/untested",
            message=f"The change touches {names} and no test: is it covered already?",
            scope="file",
        )


def _about(path: str, patch: FilePatch, rule: str, message: str) -> Finding:
    line = min(patch.added(), default=0)
    return Finding(
        path=path,
        line=line,
        end_line=line,
        severity=Severity.NOTE,
        rule=f"change/{rule}",
        message=message,
        scope="file",
    )
