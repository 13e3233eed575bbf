"""tiktoken's encodings, built from the vocabularies in this package: no network, no cache, no plugin."""

import hashlib
import importlib.util
import threading
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integrations.tokens.packed import DamagedVocabulary, publish, unpack

if TYPE_CHECKING:
    import tiktoken

# o200k_harmony is o200k_base with more special tokens: ordinary text has the same ids.
OFFLINE = frozenset({"o200k_base", "o200k_harmony", "cl100k_base"})
FALLBACK = "o200k_base"

_DEFINITIONS = "tiktoken_ext.openai_public"
_LOADER = "load_tiktoken_bpe"
_loading = threading.Lock()


def encoding_for(model: str | None = None) -> "tiktoken.Encoding":
    """The encoding of a model, or o200k_base where the model's own is unknown or not shipped.

    Never touches the network. The first call for an encoding takes about 0.3 s and 95 MB, later ones nothing.
    For text that people wrote use `encode_ordinary`: `encode` raises on the text of a special token.
    """
    return named_encoding(offline_name(model) or FALLBACK)


def offline_name(model: str | None) -> str | None:
    """The name of the model's encoding if it is known and shipped, else None; None asks for the newest."""
    if model is None:
        return FALLBACK
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return None
    return name if name in OFFLINE else None


def named_encoding(name: str) -> "tiktoken.Encoding":
    """One of the `OFFLINE` encodings by its own name, loaded once per process."""
    if name not in OFFLINE:
        raise ValueError(f"the encoding {name!r} is not shipped; use one of {', '.join(sorted(OFFLINE))}")
    with _loading:
        return _load(name)


@cache
def _load(name: str) -> "tiktoken.Encoding":
    from tiktoken import Encoding

    return Encoding(**_definitions().ENCODING_CONSTRUCTORS[name]())


@cache
def _definitions() -> ModuleType:
    """A private copy of tiktoken's own definitions whose vocabularies come from this package.

    Pattern, special tokens and expected hash are thus always those of the installed tiktoken. The copy is not
    in `sys.modules`: tiktoken itself, and everyone else who uses it, is left as it was.
    """
    spec = importlib.util.find_spec(_DEFINITIONS)
    if spec is None or spec.loader is None:
        raise ImportError(f"{_DEFINITIONS} is missing: install tiktoken again")
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    if _LOADER not in vars(copy):
        # Calling its constructors anyway would fetch.
        raise ImportError(
            f"this tiktoken does not define its encodings through {_LOADER}: install tiktoken 0.14"
        )
    vars(copy)[_LOADER] = _packaged_ranks
    return copy


def _packaged_ranks(address: str, expected_hash: str) -> dict[bytes, int]:
    """Stands in for tiktoken's download: same arguments, same result, from package data."""
    name = PurePosixPath(urlsplit(address).path).stem
    tokens = unpack(files("integrations.tokens").joinpath(f"{name}.bin.xz").read_bytes())
    if hashlib.sha256(publish(tokens)).hexdigest() != expected_hash:
        raise DamagedVocabulary(
            f"the vocabulary {name} of this installation is not the one tiktoken expects: reinstall perdure"
        )
    return {token: rank for rank, token in enumerate(tokens)}
