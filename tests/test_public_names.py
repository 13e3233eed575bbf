"""The public names: listed, sorted, existing, and each with a promise."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from tests import layers

ROOT = Path(__file__).parent.parent
FILES = layers.modules(ROOT)
PROGRAMS = {"integrations.cli"}  # it is run, not imported
PARTS = [f"integrations.{file.parent.name}" for file in sorted(ROOT.glob("integrations/[a-z]*/__init__.py"))]
PACKAGES = ["workflows", "agents_sdk", *(part for part in PARTS if part not in PROGRAMS)]
LISTED = [module for module, file in FILES.items() if layers.exported(file)]


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that the linter keeps."""
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def undocumented(module: ModuleType) -> list[str]:
    """The classes and functions of `__all__` without a docstring of their own."""
    named = {name: getattr(module, name) for name in module.__all__}
    return [name for name, value in named.items() if _can_promise(value) and not _promises(value)]


def _can_promise(value: object) -> bool:
    return inspect.isroutine(value) or inspect.isclass(value)


def _promises(value: object) -> bool:
    text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    generated = f"{getattr(value, '__name__', '')}("  # what a dataclass and a NamedTuple say when nobody does
    return bool(text) and not str(text).startswith(generated)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_public_names(package: str) -> None:
    assert layers.exported(FILES[package])


@pytest.mark.parametrize("module", LISTED)
def test_the_list_is_sorted_and_names_nothing_twice(module: str) -> None:
    names = layers.exported(FILES[module])
    assert names == sorted(set(names), key=order)


@pytest.mark.parametrize("module", LISTED)
def test_each_name_exists_and_has_a_docstring(module: str) -> None:
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
    assert undocumented(loaded) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_what_it_gathers(package: str) -> None:
    tree = ast.parse(FILES[package].read_text(encoding="utf-8"))
    gathered = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
        for alias in node.names
    }
    assert sorted(name for name in gathered if not name.startswith("_")) == sorted(
        gathered & set(layers.exported(FILES[package]))
    )


def test_each_module_says_what_it_is() -> None:
    silent = [
        module
        for module, file in FILES.items()
        if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []


# The checks themselves, on a made-up module.

SOURCE = """
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LIMIT", "Heir", "Pair", "Record", "Spoken", "silent", "spoken"]
LIMIT = 3

def spoken(): "Says something."
def silent(): ...
class Spoken: "Says something."
class Heir(Spoken): ...
@dataclass
class Record: x: int = 0
class Pair(NamedTuple): x: int = 0
"""


def test_a_silent_name_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_names.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert undocumented(importlib.import_module("made_up_names")) == ["Heir", "Pair", "Record", "silent"]


def test_the_order_is_constants_classes_functions() -> None:
    assert sorted(["a", "Z", "ERR", "B", "Err", "ZED"], key=order) == ["ERR", "ZED", "B", "Err", "Z", "a"]
