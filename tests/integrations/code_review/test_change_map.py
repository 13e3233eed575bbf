from __future__ import annotations

from pathlib import Path

import pytest

from integrations.code_review.change_map.callers import find_callers
from integrations.code_review.change_map.model import ChangeMap, FileChange, SignatureChange
from integrations.code_review.change_map.risk import file_kind, risk_of
from integrations.code_review.checks.wide import change_findings
from integrations.code_review.diff.files import by_path
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.git import Git
from integrations.code_review.signals.compare import compare_file
from tests.integrations.code_review.repository import Repository
from tests.integrations.code_review.reviewing import APART
from tests.integrations.code_review.snippets import versions


def _signatures(old: str, new: str, path: str = "shop.py") -> tuple[SignatureChange, ...]:
    return compare_file(versions(old, new, path)).signatures


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def f(a): pass\n", "def f(a, b): pass\n", ("def f(a)", "def f(a, b)")),
        ("def f(a): pass\n", "async def f(a): pass\n", ("def f(a)", "async def f(a)")),
        ("def f(a, b=1): pass\n", "def f(a, b=2): pass\n", ("def f(a, b=1)", "def f(a, b=2)")),
        ("def f(a): pass\nx = 1\n", "x = 1\n", ("def f(a)", "")),
        (
            "class C:\n    def m(self): pass\n",
            "class C:\n    def m(self, *, k): pass\n",
            ("def m(self)", "def m(self, *, k)"),
        ),
    ],
)
def test_signatures_that_changed(old: str, new: str, expected: tuple[str, str]) -> None:
    assert [(one.old, one.new) for one in _signatures(old, new)] == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(a): pass\n", "def f(a: int) -> None: pass\n"),
        ("def _f(a): pass\n", "def _f(a, b): pass\n"),
        ("def f():\n    def g(a): pass\n", "def f():\n    def g(a, b): pass\n"),
        ("x = 1\n", "def f(a): pass\nx = 1\n"),
        ("def f(a): pass\n", "from shop.parts import f\n"),
        ("def f(a): pass\n", "from shop.parts import *\n"),
        ("def f(a): pass\n", "f = partial(g, 1)\n"),
        ("def f(a): pass\n", "class f:\n    pass\n"),
        ("class C:\n    def m(self): pass\n", "from shop.parts import C\n"),
    ],
)
def test_signatures_that_nobody_outside_sees(old: str, new: str) -> None:
    assert _signatures(old, new) == ()


@pytest.mark.parametrize(
    ("new", "call", "breaks"),
    [
        ("def f(a, b): pass\n", "f(1)", "it is given 1 arguments and needs 2"),
        ("def f(a): pass\n", "f(1, 2)", "it is given 2 positional arguments and takes 1"),
        ("def f(a): pass\n", "f(1, size=2)", "it has no parameter size"),
        ("x = 1\n", "f(1)", "it is gone"),
        ("def f(a, b=2): pass\n", "f(1)", ""),
        ("def f(a, *rest): pass\n", "f(1, 2, 3)", ""),
        ("def f(a, b): pass\n", "f(*args)", ""),
        ("def f(a, **rest): pass\n", "f(1, size=2)", ""),
        ("@lru_cache(8)\ndef f(a): pass\n", "f(1, 2)", "it is given 2 positional arguments and takes 1"),
        ("@app.task(bind=True)\ndef f(task, a): pass\n", "f(1)", ""),
        ("async def f(a, b, c, d): pass\n", "f(1, 2, 3, 4)", "nothing awaits it, and it is `async` now"),
        ("async def f(a, b, c, d): pass\n", "run(f(1, 2, 3, 4))", ""),
    ],
)
def test_callers_that_no_longer_fit(tmp_path: Path, new: str, call: str, breaks: str) -> None:
    head = Repository.create(tmp_path).commit(
        {"app/main.py": f"from shop import f\n\n{call}\n", "shop.py": new}
    )
    signatures = _signatures("def f(a, b, c, d): pass\nx = 0\n", new)
    (caller,) = find_callers(Git(tmp_path), head, signatures, apart=APART).callers
    assert (caller.path, caller.line, caller.breaks) == ("app/main.py", 3, breaks)


def test_a_call_of_the_same_name_is_not_judged(tmp_path: Path) -> None:
    text = "from other import f\nf(1)\nself.f(1)\n# f(1)\n"
    head = Repository.create(tmp_path).commit({"main.py": text})
    callers = find_callers(
        Git(tmp_path), head, _signatures("def f(a): pass\n", "def f(a, b): pass\n"), apart=APART
    ).callers
    assert [(one.line, one.breaks) for one in callers] == [(2, ""), (3, "")]


@pytest.mark.parametrize(
    ("caller", "line", "judged"),
    [
        ("app/main.py", "from app.parts import f", True),
        ("app/main.py", "from .parts import f", True),
        ("app/deep/main.py", "from ..parts import f", True),
        ("app/main.py", "from parts import f", True),
        ("other/main.py", "from parts import f", False),
        ("other/main.py", "from other.parts import f", False),
        ("other/main.py", "from .parts import f", False),
        ("other/main.py", "from app.parts import g as f", False),
    ],
)
def test_a_module_of_the_same_last_name_is_another_one(
    tmp_path: Path, caller: str, line: str, judged: bool
) -> None:
    head = Repository.create(tmp_path).commit({caller: f"{line}\n\nf(1)\n"})
    signatures = _signatures("def f(a): pass\n", "def f(a, b): pass\n", "app/parts.py")
    (found,) = find_callers(Git(tmp_path), head, signatures, apart=APART).callers
    assert bool(found.breaks) == judged


def test_functions_and_methods_of_one_name_are_told_apart_and_constructors_found(tmp_path: Path) -> None:
    before = "def add(a): pass\nclass Cart:\n    def __init__(self): pass\n    def add(self, a): pass\n"
    after = (
        before.replace("(a)", "(a, b)").replace("self, a", "self, a, b").replace("(self)", "(self, owner)")
    )
    text = "from shop import Cart, add\n\nadd(1)\ncart = Cart()\ncart.add(1)\n"
    head = Repository.create(tmp_path).commit({"main.py": text})
    callers = find_callers(Git(tmp_path), head, _signatures(before, after), apart=APART).callers
    found = sorted((one.line, one.name, bool(one.breaks)) for one in callers)
    assert found == [(3, "add", True), (4, "Cart.__init__", False), (5, "Cart.add", False), (5, "add", False)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (".github/workflows/ci.yml", "CI"),
        ("pyproject.toml", "dependencies"),
        ("requirements-dev.txt", "dependencies"),
        ("web/package.json", "dependencies"),
        ("Dockerfile", "deployment"),
        ("CODEOWNERS", "owners"),
        ("app/migrations/0001.py", "migration"),
        ("app/auth/login.py", "security"),
        ("shop/payment.py", "money"),
        ("app/author.py", None),
        ("app/views.py", None),
    ],
)
def test_what_files_are_for(path: str, kind: str | None) -> None:
    assert file_kind(path) == kind


@pytest.mark.parametrize(
    ("paths", "lines", "risk"),
    [
        (["a.py"], 10, "low"),
        (["pyproject.toml"], 1, "medium"),
        (["shop/payment.py"], 1, "high"),
        (["tests/auth/test_login.py"], 900, "low"),
        (["a.py"], 900, "high"),
        ([f"{number}.py" for number in range(30)], 1, "medium"),
    ],
)
def test_risk(paths: list[str], lines: int, risk: str) -> None:
    files = [FileChange(path=path, status="modified", added=lines, removed=0) for path in paths]
    assert risk_of(files, [])[0] == risk


def _rules(diff: str, change_map: ChangeMap | None = None, *, has_tests: bool = False) -> list[str]:
    patches = by_path(parse_diff(diff.encode()))
    found = change_findings(patches, change_map or ChangeMap(), has_tests=has_tests)
    return [one.rule.removeprefix("change/") for one in found]


@pytest.mark.parametrize(
    ("path", "added", "rules"),
    [
        (".github/workflows/ci.yml", "x", ["ci-file"]),
        ("requirements.txt", "x", ["dependencies-file"]),
        (".codereview.toml", "x", ["owners-file", "review-settings"]),
        ("pyproject.toml", "[tool.codereview]", ["dependencies-file", "review-settings"]),
        ("a.py", "x", []),
    ],
)
def test_files_that_ask_for_a_second_look(path: str, added: str, rules: list[str]) -> None:
    assert _rules(f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+{added}\n") == rules


def test_a_file_that_can_be_executed_now() -> None:
    assert _rules("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n") == ["executable"]


@pytest.mark.parametrize(("test_path", "rules"), [("tests/test_a.py", []), ("b.md", ["untested"])])
def test_source_without_tests(test_path: str, rules: list[str]) -> None:
    source = FileChange(path="a.py", status="modified", added=1, removed=0, functions=("f",))
    other = FileChange(path=test_path, status="modified", added=1, removed=0)
    assert _rules("", ChangeMap(files=(source, other)), has_tests=True) == rules
    assert _rules("", ChangeMap(files=(source, other)), has_tests=False) == []
