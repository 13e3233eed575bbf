"""Are two values the same, as far as the recordings can tell?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.conformance.scenario import Json
from tests.conformance.thrown import same_name
from tests.conformance.units import milliseconds

__all__ = ["Matcher", "same_message"]

_ENDINGS = (
    re.compile(r".* in a invalid format"),
    re.compile(r".* returned an invalid delay value"),
    re.compile(r".* has been reached\."),
    re.compile(r"Value returned from step .* is not serialisable"),
)
"""Our messages go on differently after these words: they say seconds, our own setting, and what to write."""
_INSTANT = 1e12
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_LOCAL_DEFAULT_DELAY = 1_000
_OUR_DEFAULT_DELAY = 10_000


def same_message(expected: Json, actual: Json) -> bool:
    """Whether an error says what was recorded, up to the words after which ours is free."""
    for words in _ENDINGS:
        if isinstance(expected, str) and (known := words.match(expected)):
            return str(actual).startswith(known[0])
    return bool(expected == actual)


class Matcher:
    """Compares values of one scenario: random ones by whether the same one comes again, not by value."""

    def __init__(self) -> None:
        self._pairs: dict[float | str, float | str] = {}
        self._taken: dict[float | str, float | str] = {}

    def differences(self, expected: Json, actual: Json, path: str) -> Iterator[str]:
        """Where and how `actual` differs."""
        expected, actual = _plain(expected), _plain(actual)
        if self._paired(expected, actual):
            return
        match expected, actual:
            case {"$string_len": int(length)}, str() if len(actual) == length:
                return
            case _ if _same_stream(expected, actual) or _rendered(expected, actual):
                return
            case {"name": _, "message": _, **rest}, dict() if rest in ({}, {"is_error": True}):
                yield from _error_differences(expected, actual, path)
            case {"step": {"name": _}, "config": dict(config)}, {"config": ours}:
                yield from self.config_differences(config, ours, f"{path}.config")
                one, other = ({k: v for k, v in ctx.items() if k != "config"} for ctx in (expected, actual))
                yield from self.differences(one, other, path)
            case dict(), dict():
                for key in sorted(expected.keys() | actual.keys()):
                    yield from self.differences(expected.get(key), actual.get(key), f"{path}.{key}")
            case list(), list() if len(expected) == len(actual):
                for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
                    yield from self.differences(one, other, f"{path}[{index}]")
            case _:
                if isinstance(expected, bool) is not isinstance(actual, bool) or expected != actual:
                    yield f"{path} is {_short(actual)}, recorded {_short(expected)}"

    def config_differences(self, expected: Json, actual: Json, path: str) -> Iterator[str]:
        """The same for a step's configuration: durations count, however they are written."""
        one, other = _config(expected), _config(actual)
        if (_delay(one), _delay(other)) == (_LOCAL_DEFAULT_DELAY, _OUR_DEFAULT_DELAY):
            del one["retries"]["delay"], other["retries"]["delay"]
        yield from self.differences(one, other, path)

    def _paired(self, expected: Json, actual: Json) -> bool:
        """Both are of a kind that differs with every run, and they have always come together."""
        if _instant(expected) and _instant(actual):
            return True
        if not (_random(expected) and _random(actual)):
            return False
        partner, owner = (
            self._pairs.setdefault(expected, actual),
            self._taken.setdefault(actual, expected),
        )
        return bool(partner == actual and owner == expected)


def _config(config: Json) -> Json:
    if not isinstance(config, dict):
        return config
    retries = dict(config.get("retries") or {})
    delay = milliseconds(retries.pop("delay", None), unit=1)
    if delay not in (None, "[dynamic]"):
        retries["delay"] = delay
    return config | {"timeout": milliseconds(config.get("timeout"), unit=1), "retries": retries}


def _delay(config: Json) -> Json:
    return config["retries"].get("delay") if isinstance(config, dict) else None


def _error_differences(expected: dict[str, Json], actual: dict[str, Json], path: str) -> Iterator[str]:
    if not same_name(expected["name"], actual.get("name")):
        yield f"{path}.name is {_short(actual.get('name'))}, recorded {_short(expected['name'])}"
    if not same_message(expected["message"], actual.get("message")):
        yield f"{path}.message is {_short(actual.get('message'))}, recorded {_short(expected['message'])}"


def _plain(value: Json) -> Json:
    """Without what Python does not tell apart or does not have: undefined, Map, BigInt, RegExp, Error."""
    match value:
        case {"$undefined": _} | {"$regexp": _} | {"$error": _}:
            return None
        case {"$map": list(pairs)}:
            return {str(key): item for key, item in pairs}
        case {"$bigint": str(digits)}:
            return int(digits)
        case {"$bytes": length}:
            return {"$bytes": length}
    return value


def _same_stream(expected: Json, actual: Json) -> bool:
    """Streams are told by their size, where the recording has one; how an event shows one is our own."""
    match expected, actual:
        case ((str() | None), {"stream": int()}):
            return True
        case {"$stream": recorded}, {"$stream": int(size)} | {"$bytes": int(size)} | {"stream": int(size)}:
            told = recorded.get("size", recorded.get("bytes")) if isinstance(recorded, dict) else recorded
            return isinstance(told, bool) or told in (None, size)
        case int(length), {"$bytes": int(size)}:
            return length == size
    return False


def _rendered(expected: Json, actual: Json) -> bool:
    """`status()` of the recorded engine shows its output as JSON, in which some types lose themselves."""
    match expected, actual:
        case str(), {"$date": instant}:
            return bool(expected == instant)
        case str(), {"$bytes": size}:
            return expected == f"[Uint8Array({size} bytes)]"
        case str(), int():
            return expected == f"[BigInt({actual})]"
        case {}, {"$set": list()}:
            return not expected
        case None, {"$number": str()}:
            return True
    return False


def _random(value: Json) -> bool:
    if isinstance(value, float):
        return 0 < value < 1 and len(repr(value)) > 8
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _instant(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > _INSTANT


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "…"
