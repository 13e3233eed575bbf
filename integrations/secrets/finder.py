"""Where credentials stand in a text: known shapes, and values too random to be words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.secrets.patterns import SHAPES

__all__ = ["MASK", "Secret", "find_secrets", "masked"]

MASK = "*"

_NAMED = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{0,60}?(?:secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|auth[_-]?key
        |private[_-]?key|credential|token|encryption[_-]?key|signing[_-]?key)\w{0,40})
        ["']?\]?[ \t]*(?::[ \t]*[A-Za-z_][\w.\[\]| ]{0,60})?(?:=(?!=)|:=|:|=>)[ \t]*
        (?:[rbufRBUF]{0,2}(?P<quote>["'])(?P<quoted>[^"'\s`]{8,300})(?P=quote)
        |(?P<bare>[^\s"'`,;(){}\[\]<>]{8,300}))""",
    re.VERBOSE | re.IGNORECASE,
)
_DEFAULT = re.compile(
    r"""(?:environ\.get|getenv|env)\(\s*["'](?P<name>\w*(?:KEY|TOKEN|SECRET|PASS|PWD|AUTH|CREDENTIAL)\w*)["']\s*,\s*
        ["'](?P<secret>[^"'\s`]{8,300})["']""",
    re.VERBOSE,
)
_OTHER_NAME = re.compile(
    r"tokeni[sz]|tokens$|[_-](?:url|uri|path|file|name|type|id|header|env|prefix|field|count|limit)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d_.,+-]+")
_RANDOM = re.compile(r"(?<![A-Za-z0-9+/_=-])(?P<secret>[A-Za-z0-9+/_-]{40,200}={0,2})(?![A-Za-z0-9+/_=-])")
_PLACEHOLDER = re.compile(
    r"""^(?:\W*|x+|\*+|\.+|<.*|\$.*|%.*|\{.*|your[\W_].*|my[\W_].*|(?:env|os|config|settings|self|process|var)\.[\w.]+
        |.*(?:example|changeme|change[-_]me|placeholder|dummy|redacted|not[-_]?a[-_]?secret|todo|insert|replace).*
        |(?:none|null|true|false|undefined|password|passwd|pass|secret|token|string|guest|tiger|test\w*|fake\w*|\w*\.\w+\(.*))$""",
    re.VERBOSE | re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_]*(?:[._-][A-Za-z_]+)*\d{0,2}")
_HASH_NEARBY = re.compile(
    r"sha\d|hash|digest|integrity|checksum|md5|commit|fingerprint|etag|uuid", re.IGNORECASE
)
_HEX = re.compile(r"[0-9a-fA-F]+")
_COMMIT_IN_PATH = re.compile(r"(?:^|/)[0-9a-f]{40}(?:/|$)")
_CLASS = re.compile(r"(?:[A-Z][a-z]+[A-Z]?\d*){2,}")
"""The name of a class, as annotations have it: `Ed25519PrivateKey`."""
_ALPHABET = "abcdefghijklmnop"
_NAMED_ENTROPY = (
    3.0  # bits per character; words and identifiers lie below, random keys of 8 characters at 3.0
)
_BARE_ENTROPY = 4.5


@dataclass(frozen=True, slots=True)
class Secret:
    """A stretch of a text that must not be shown: characters `start` to `end`."""

    kind: str
    name: str
    start: int
    end: int

    @property
    def guessed(self) -> bool:
        """Not a credential of a known provider; tests have made-up ones of this kind."""
        return self.kind in {"hard-coded", "random-text", "url-password", "private-key"}


def find_secrets(text: str) -> list[Secret]:
    """Every credential in `text`, in its order, none within another."""
    everything = (*_shaped(text), *_named(text), *_defaults(text), *_random(text))
    found = sorted(everything, key=lambda secret: (secret.start, -secret.end))
    kept: list[Secret] = []
    for secret in found:
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
        elif secret.end > kept[-1].end:  # both must be hidden, so the rest of the second is kept too
            kept.append(Secret(secret.kind, secret.name, kept[-1].end, secret.end))
    return kept


def masked(text: str, secrets: list[Secret] | None = None) -> str:
    """`text` of the same length and lines with every credential replaced by asterisks."""
    pieces: list[str] = []
    at = 0
    for secret in find_secrets(text) if secrets is None else secrets:
        hidden = "".join(char if char in "\r\n" else MASK for char in text[secret.start : secret.end])
        pieces += [text[at : secret.start], hidden]
        at = secret.end
    return "".join([*pieces, text[at:]])


def _shaped(text: str) -> Iterator[Secret]:
    for shape in (one for one in SHAPES if one.mark in text):
        for match in shape.pattern.finditer(text):
            if not _looks_empty(match["secret"]):
                yield Secret(shape.kind, shape.name, *match.span("secret"))


def _named(text: str) -> Iterator[Secret]:
    for match in _NAMED.finditer(text):
        group = "quoted" if match["quote"] else "bare"
        value = match[group]
        if _looks_empty(value) or _OTHER_NAME.search(match["name"]) or _is_word(value):
            continue
        if (group == "quoted" or _is_no_code(value)) and _entropy(value) >= _NAMED_ENTROPY:
            yield Secret("hard-coded", f"a value for {match['name']}", *match.span(group))


def _defaults(text: str) -> Iterator[Secret]:
    """`os.environ.get("API_KEY", "the key")`: what should come from outside is written down."""
    for match in _DEFAULT.finditer(text):
        value = match["secret"]
        if not _looks_empty(value) and not _is_word(value) and _entropy(value) >= _NAMED_ENTROPY:
            yield Secret("hard-coded", f"a value for {match['name']}", *match.span("secret"))


def _random(text: str) -> Iterator[Secret]:
    for match in _RANDOM.finditer(text):
        value = match["secret"]
        before = text[max(0, match.start() - 40) : match.start()].rpartition("\n")[2]
        if _HEX.fullmatch(value) or _COMMIT_IN_PATH.search(value) or _HASH_NEARBY.search(before):
            continue
        if not _is_mixed(value) or _ALPHABET in value.lower():
            continue
        if _entropy(value) >= _BARE_ENTROPY:
            yield Secret("random-text", "a text that looks like a key", *match.span("secret"))


def _looks_empty(value: str) -> bool:
    return _PLACEHOLDER.match(value) is not None or len(set(value)) < 4


def _is_word(value: str) -> bool:
    return any(look.fullmatch(value) for look in (_IDENTIFIER, _NUMBER, _CLASS))


def _is_no_code(value: str) -> bool:
    # Without quotes it is a credential only in files like `.env`; in programs it is a name or a call.
    digits = sum(map(str.isdigit, value))
    if "." in value or not digits or not any(map(str.isalpha, value)):
        return False
    return not value.isidentifier() or (digits >= 3 and len(value) >= 12)


def _is_mixed(value: str) -> bool:
    kinds = (any(map(str.islower, value)), any(map(str.isupper, value)), any(map(str.isdigit, value)))
    return all(kinds) and value.count("/") < len(value) // 10 and value.count("_") < len(value) // 8


def _entropy(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
