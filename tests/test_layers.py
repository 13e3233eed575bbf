"""The layers of ARCHITECTURE.md hold, and each rule is shown to catch what it is there for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import layers

ROOT = Path(__file__).parent.parent
FILES = layers.modules(ROOT)
IMPORTS = layers.imports(FILES)
LONGEST_MODULE = 400  # lines
IMPORTED_AS = {"openai_agents": "agents", "pydantic_ai_slim": "pydantic_ai"}


def declared() -> set[str]:
    """The import names of our dependencies; most of them are named like their distribution."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {re.split(r"[^\w-]", one)[0].replace("-", "_").lower() for one in wanted}
    return {IMPORTED_AS.get(name, name) for name in names}


def test_every_layer_is_looked_at() -> None:
    assert {name.partition(".")[0] for name in FILES} == set(layers.LAYERS)
    assert IMPORTS


def test_no_layer_imports_a_higher_one() -> None:
    assert layers.upward(IMPORTS) == []


def test_agents_use_the_public_names_of_workflows_only() -> None:
    public = layers.exported(ROOT / "workflows" / "__init__.py")
    assert layers.private(IMPORTS, user="agents_sdk", owner="workflows", public=public) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    assert layers.cycles(IMPORTS, FILES) == []


def test_imports_are_absolute() -> None:
    assert layers.relative(IMPORTS) == []


def test_packages_of_others_stay_in_their_layers() -> None:
    assert layers.away_from_home(IMPORTS) == []


def test_what_is_imported_is_a_declared_dependency() -> None:
    assert layers.undeclared(IMPORTS, declared()) == []


def test_no_module_is_too_long_to_have_one_meaning() -> None:
    lines = {module: len(file.read_text(encoding="utf-8").splitlines()) for module, file in FILES.items()}
    assert {module: count for module, count in lines.items() if count > LONGEST_MODULE} == {}


LATE_FOR_MODELS = "agents filelock httpx openai pydantic_ai rich starlette tiktoken typer uvicorn"


@pytest.mark.parametrize(
    ("package", "late"),
    [
        ("workflows", "apscheduler filelock httpx openai rich starlette tiktoken typer uvicorn websockets"),
        ("agents_sdk", "apscheduler filelock httpx openai rich tiktoken typer uvicorn"),
        ("integrations", "agents httpx openai pydantic pydantic_ai rich starlette tiktoken typer uvicorn"),
        ("integrations.llm", LATE_FOR_MODELS),
        ("integrations.compaction", LATE_FOR_MODELS),
        ("integrations.code_review", LATE_FOR_MODELS),
    ],
)
def test_importing_a_package_loads_nothing_heavy(package: str, late: str) -> None:
    program = f"import sys, {package}; print(*sorted(sys.modules.keys() & {set(late.split())!r}))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


BUILT = """
import sys
from pydantic.plugin import _schema_validator
from pydantic import type_adapter
from pydantic._internal import _dataclasses, _model_construction

built = []
for module in (type_adapter, _dataclasses, _model_construction):
    module.create_schema_validator = lambda schema, owner, *args, **kwargs: built.append(owner)
__import__(sys.argv[1])
print(*built)
"""


@pytest.mark.parametrize(
    "package",
    [
        "workflows",
        "agents_sdk",
        "integrations.llm",
        "integrations.compaction",
        "integrations.code_review",
        "integrations.github",
    ],
)
def test_importing_a_package_builds_no_validator(package: str) -> None:
    """Most programs use few of the models that they import, and a validator is the dear part of a model."""
    run = subprocess.run(
        [sys.executable, "-c", BUILT, package], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


# The rules themselves, on made-up trees: {file: source}.


def tree(root: Path, sources: dict[str, str]) -> tuple[dict[str, Path], list[layers.Import]]:
    for name, source in sources.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    files = layers.modules(root)
    return files, layers.imports(files)


@pytest.mark.parametrize(
    ("file", "source", "caught"),
    [
        ("workflows/a.py", "import agents_sdk", ["workflows.a:1: import agents_sdk"]),
        (
            "workflows/a.py",
            "def f():\n    import integrations.llm",
            ["workflows.a:2: import integrations.llm"],
        ),
        ("agents_sdk/a.py", "from integrations import llm", ["agents_sdk.a:1: from integrations import llm"]),
        ("agents_sdk/a.py", "import workflows", []),
        ("integrations/a.py", "import workflows, agents_sdk, integrations", []),
    ],
)
def test_an_upward_import_is_caught(tmp_path: Path, file: str, source: str, caught: list[str]) -> None:
    assert layers.upward(tree(tmp_path, {file: source})[1]) == caught


@pytest.mark.parametrize(
    ("file", "source", "fine"),
    [
        ("agents_sdk/a.py", "from workflows import Engine", True),
        ("agents_sdk/a.py", "from workflows import Hidden", False),
        ("agents_sdk/a.py", "from workflows import *", False),
        ("agents_sdk/a.py", "from workflows.engine import Engine", False),
        ("agents_sdk/a.py", "import workflows.engine", False),
        ("agents_sdk/a.py", "import workflows", False),
        ("agents_sdk/a.py", "from workflows.testing import VirtualClock", False),
        ("agents_sdk/testing.py", "from workflows.testing import VirtualClock", True),
        ("integrations/a.py", "from workflows.engine import Engine", True),
        ("workflows/a.py", "from workflows.engine import Engine", True),
    ],
)
def test_a_reach_past_the_public_names_is_caught(
    tmp_path: Path, file: str, source: str, *, fine: bool
) -> None:
    found = tree(tmp_path, {file: source})[1]
    assert fine is not bool(layers.private(found, user="agents_sdk", owner="workflows", public=["Engine"]))


def test_the_public_names_are_read_from_all(tmp_path: Path) -> None:
    files, _ = tree(
        tmp_path, {"workflows/__init__.py": "import x\n__all__ = ['A', 'b']\n", "workflows/a.py": ""}
    )
    assert layers.exported(files["workflows"]) == ["A", "b"]
    assert layers.exported(files["workflows.a"]) == []


LATE = "def f():\n    import workflows.a"
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from workflows.a import A"


@pytest.mark.parametrize("back", ["import workflows.a", "from workflows import a", LATE, TYPES])
def test_a_circle_is_caught_wherever_the_import_stands(tmp_path: Path, back: str) -> None:
    files, found = tree(tmp_path, {"workflows/a.py": "import workflows.b", "workflows/b.py": back})
    [circle] = layers.cycles(found, files)
    assert circle in {
        "workflows.a -> workflows.b -> workflows.a",
        "workflows.b -> workflows.a -> workflows.b",
    }


@pytest.mark.parametrize(
    ("sources", "circular"),
    [
        ({"workflows/__init__.py": "from workflows.a import A", "workflows/a.py": ""}, False),
        (
            {
                "workflows/__init__.py": "from workflows.a import A",
                "workflows/a.py": "from workflows import A",
            },
            True,
        ),
        ({"workflows/a.py": "import workflows.a"}, True),
        (
            {"workflows/a.py": "import workflows.b, workflows.c", "workflows/b.py": "import workflows.c"},
            False,
        ),
    ],
)
def test_a_package_may_gather_its_modules(tmp_path: Path, sources: dict[str, str], *, circular: bool) -> None:
    files, found = tree(tmp_path, sources)
    assert bool(layers.cycles(found, files)) is circular


@pytest.mark.parametrize("source", ["from . import b", "from .b import B", "from ..x import y"])
def test_a_relative_import_is_caught(tmp_path: Path, source: str) -> None:
    assert layers.relative(tree(tmp_path, {"workflows/a.py": source})[1]) == [f"workflows.a:1: {source}"]


@pytest.mark.parametrize(
    ("package", "source", "fine"),
    [
        ("integrations", "import openai", True),
        ("agents_sdk", "import openai", False),
        ("agents_sdk", "from starlette.requests import Request", True),
        ("workflows", "from starlette.requests import Request", False),
        ("workflows", "def f():\n    import rich.console", False),
        ("workflows", "import aiosqlite", True),
    ],
)
def test_a_package_of_others_in_the_wrong_layer_is_caught(
    tmp_path: Path, package: str, source: str, *, fine: bool
) -> None:
    found = tree(tmp_path, {f"{package}/a.py": source})[1]
    assert fine is not bool(layers.away_from_home(found))


def test_an_undeclared_dependency_is_caught(tmp_path: Path) -> None:
    found = tree(tmp_path, {"workflows/a.py": "import asyncio, aiosqlite, numpy.linalg, workflows.b"})[1]
    assert layers.undeclared(found, {"aiosqlite"}) == ["workflows.a:1: import numpy.linalg"]
