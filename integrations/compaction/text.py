"""Texts cut to a length, in characters or in tokens."""

from integrations.tokens import Counter


def storable(text: str) -> str:
    """The text without half characters, which no wire and no file takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(text: str, longest: int) -> str:
    """The start and the end of a text, `longest` characters of it."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} […] {text[-(longest // 2) :]}"


def cut_middle(text: str, limit: int, count: Counter) -> str:
    """The start and the end of a text, as much as fits into `limit` tokens."""
    longest = len(text)
    while longest > 0 and count(cut(text, longest)) > limit:
        longest //= 2
    return cut(text, longest) if longest else ""


def cut_end(text: str, limit: int, count: Counter) -> str:
    """The start of a text, as much as fits into `limit` tokens."""
    if limit <= 0:
        return ""
    if count(text) <= limit:
        return text
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(text[:middle]) <= limit else (low, middle)
    return text[:low]
