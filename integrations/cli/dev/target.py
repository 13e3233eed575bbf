"""`module:app`, found and looked at before anything is served."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from integrations.cli.errors import CommandError

__all__ = ["Target"]

_FORM = "write module:attribute, e.g. main:app"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an app stands: a module, as `import` finds it from the current folder, and a name in it."""

    module: str
    attribute: str

    @classmethod
    def of(cls, text: str) -> Target:
        """What `text` names; raises `CommandError` when it is no `module:attribute`."""
        module, colon, attribute = text.partition(":")
        if module.endswith(".py"):
            meant = f"{module.removesuffix('.py')}:{attribute or 'app'}".replace("/", ".")
            raise CommandError(f"{text!r} names a file; did you mean {meant}?")
        if not colon or not all(name.isidentifier() for name in f"{module}.{attribute}".split(".")):
            raise CommandError(f"{text!r} does not name an app: {_FORM}")
        return cls(module, attribute)

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    def check(self) -> None:
        """Imports the module and looks at the app; raises `CommandError` when it cannot be served."""
        found: object = _imported(self.module)
        where = self.module
        for name in self.attribute.split("."):
            if not hasattr(found, name):
                raise CommandError(f"{where} has no {name!r}{_nearest(name, found)}")
            found = getattr(found, name)
            where = f"{where}.{name}"
        if (fault := _fault(found)) is not None:
            raise CommandError(f"{self} is {fault}")


def _imported(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise CommandError(
                f"there is no module {missing!r} in {folder}; go to the folder that holds it"
            ) from None
        raise CommandError(f"{name} imports {missing!r}, which is not installed{_place(error)}") from None
    except Exception as error:
        said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        raise CommandError(f"importing {name} failed: {said}{_place(error)}") from error


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f" ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _nearest(name: str, owner: object) -> str:
    public = (
        [other for other in vars(owner) if not other.startswith("_")] if hasattr(owner, "__dict__") else []
    )
    apps = [other for other in public if _fault(vars(owner)[other]) is None]
    close = get_close_matches(name, public, n=1) or apps[:1]
    return f"; did you mean {close[0]!r}?" if close else ""


def _fault(app: object) -> str | None:
    """Why `app` is no ASGI app; None when it looks like one."""
    if inspect.isclass(app):
        return f"the class {app.__name__}, not an app: make an object of it"
    if not callable(app):
        return f"of type {type(app).__name__}, not an ASGI app: an app is called with scope, receive and send"
    wanted = _parameters(app)
    if wanted == 0:
        return "a function without parameters, not an ASGI app: call it, and give the name of what it returns"
    if wanted not in (None, 3):
        return f"called with {wanted} arguments, and an ASGI app with three: scope, receive and send"
    return None


def _parameters(app: Callable[..., object]) -> int | None:
    """How many arguments it must be given; None when any number will do, or it cannot be told."""
    try:
        parameters = list(inspect.signature(app).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters if one.kind in positional and one.default is inspect.Parameter.empty]
    return len(needed)
