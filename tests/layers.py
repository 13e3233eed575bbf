"""Who imports whom, read from the source, and the rules about it. Nothing is imported for this."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# From the bottom to the top: a layer imports itself and what stands before it.
LAYERS = ("workflows", "agents_sdk", "integrations")

# Packages of others that only some layers may import. What is not named here may be used by every layer.
HOMES = {
    "agents": ("integrations",),
    "genai_prices": ("integrations",),
    "openai": ("integrations",),
    "pydantic_ai": ("integrations",),
    "rich": ("integrations",),
    "tiktoken": ("integrations",),
    "typer": ("integrations",),
    "starlette": ("agents_sdk", "integrations"),
    "uvicorn": ("agents_sdk", "integrations"),
    "websockets": ("agents_sdk", "integrations"),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `from module import name`, or `import module` when there is no name."""

    importer: str
    line: int
    module: str
    name: str | None = None
    level: int = 0

    def __str__(self) -> str:
        source = "." * self.level + self.module
        statement = f"from {source} import {self.name}" if self.name else f"import {source}"
        return f"{self.importer}:{self.line}: {statement}"

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def modules(root: Path, packages: Iterable[str] = LAYERS) -> dict[str, Path]:
    """Every module below `root` that belongs to one of the packages, by its dotted name."""
    files = (file for package in packages for file in sorted((root / package).rglob("*.py")))
    return {_dotted(file.relative_to(root)): file for file in files}


def _dotted(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(files: Mapping[str, Path]) -> list[Import]:
    """Every import statement: inside functions and under TYPE_CHECKING too."""
    return [found for module, file in files.items() for found in _imports_of(module, file)]


def _imports_of(module: str, file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        match node:
            case ast.Import(names=names):
                yield from (Import(module, node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                yield from (Import(module, node.lineno, source or "", alias.name, level) for alias in names)
            case _:
                pass


def relative(found: Iterable[Import]) -> list[str]:
    """Imports that start with a dot."""
    return [str(one) for one in found if one.level]


def upward(found: Iterable[Import]) -> list[str]:
    """Imports of a layer that stands above the importer's own."""
    return [str(one) for one in found if one.top in LAYERS and _height(one.top) > _height(one.importer)]


def _height(module: str) -> int:
    return LAYERS.index(module.partition(".")[0])


def private(found: Iterable[Import], *, user: str, owner: str, public: Collection[str]) -> list[str]:
    """Imports by which `user` reaches past the public names of `owner`. A test kit may use the other's."""

    def allowed(one: Import) -> bool:
        return (one.module == owner and one.name in public) or _test_kit(one)

    reach = (one for one in found if one.importer.partition(".")[0] == user and one.top == owner)
    return [str(one) for one in reach if not allowed(one)]


def _test_kit(one: Import) -> bool:
    return one.module.split(".")[1:] == ["testing"] and one.importer.split(".")[1:2] == ["testing"]


def exported(file: Path) -> list[str]:
    """The strings of `__all__`, as they are written."""
    for node in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return list(ast.literal_eval(value))
            case _:
                pass
    return []


def away_from_home(found: Iterable[Import]) -> list[str]:
    """Imports of a package that only other layers may use."""
    return [
        str(one)
        for one in found
        if not one.level and one.importer.partition(".")[0] not in HOMES.get(one.top, LAYERS)
    ]


def undeclared(found: Iterable[Import], declared: Collection[str]) -> list[str]:
    """Imports of a package that is neither Python's, nor ours, nor a declared dependency."""
    known = {*sys.stdlib_module_names, *LAYERS, *declared}
    return [str(one) for one in found if not one.level and one.top not in known]


def cycles(found: Iterable[Import], files: Collection[str]) -> list[str]:
    """One cycle of modules that import each other, as `a -> b -> a`; nothing when there is none.

    `from package import name` is an edge to the module `package.name` where there is one, else to the
    package's own `__init__`. That importing `a.b` also runs `a/__init__` is not an edge.
    """
    graph: dict[str, set[str]] = {module: set() for module in files}
    for one in found:
        child = f"{one.module}.{one.name}"
        target = child if child in graph else one.module
        if target in graph:
            graph[one.importer].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(reversed(error.args[1]))]
    return []
