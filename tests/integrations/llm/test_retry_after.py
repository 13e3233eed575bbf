"""How long a server asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.llm.retry_after import LONGEST, retry_after

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 13:00:30 +0100"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:59:30 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, LONGEST),
        ({"retry-after": "1e300"}, LONGEST),
        ({"retry-after": "tomorrow"}, None),
    ],
)
def test_what_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=NOON) == seconds


def test_a_date_is_meant_by_the_servers_clock() -> None:
    """Ours may be wrong."""
    headers = {"date": "Thu, 01 Jan 2026 09:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 09:00:10 GMT"}
    assert retry_after(headers, now=NOON) == 10.0


@given(st.integers(1, int(LONGEST)))
def test_a_date_says_the_same_as_seconds(seconds: int) -> None:
    date = format_datetime(datetime.fromtimestamp(NOON + seconds, UTC), usegmt=True)
    assert retry_after({"retry-after": date}, now=NOON) == seconds


@given(st.text(), st.text(), st.text())
def test_nonsense_never_raises(milliseconds: str, value: str, date: str) -> None:
    headers = {"retry-after-ms": milliseconds, "retry-after": value, "date": date}
    seconds = retry_after(headers, now=NOON)
    assert seconds is None or 0 < seconds <= LONGEST
