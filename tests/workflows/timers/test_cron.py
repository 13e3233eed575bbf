"""Cron as Vixie cron reads it, in a zone with its changes of the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import InvalidCron
from workflows.timers.cron import Cron, looks_like_cron

NEW_YEAR = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)  # a Thursday


def times(expression: str, tz: str = "UTC", start: datetime | str = NEW_YEAR, count: int = 3) -> list[str]:
    """The next times as local `month-day hour:minute offset`."""
    cron, found = Cron.parse(expression, tz), []
    moment = datetime.fromisoformat(start) if isinstance(start, str) else start
    for _ in range(count):
        moment = cron.next_after(moment)
        found.append(f"{moment:%m-%d %H:%M%z}" if tz != "UTC" else f"{moment:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 * * 1", ["01-05 09:00", "01-12 09:00", "01-19 09:00"]),
        ("0 9 * * MON", ["01-05 09:00", "01-12 09:00", "01-19 09:00"]),
        ("0 0 * * 7", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * fri-7", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("*/60 */24 * * *", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("5-5/2 0 * * *", ["01-01 00:05", "01-02 00:05", "01-03 00:05"]),
        ("0 0 13 * 5", ["01-02 00:00", "01-09 00:00", "01-13 00:00"]),
        ("0 0 */7 * 4", ["01-08 00:00", "01-15 00:00", "01-22 00:00"]),
        ("0 0 */7,2 * 5", ["01-02 00:00", "05-01 00:00", "05-08 00:00"]),
        ("0 0 1,15 * *", ["01-15 00:00", "02-01 00:00", "02-15 00:00"]),
        ("0 0 1 jan-MAR/2 *", ["03-01 00:00", "01-01 00:00", "03-01 00:00"]),
        ("@hourly", ["01-01 01:00", "01-01 02:00", "01-01 03:00"]),
        ("@weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        (" \t0 0\t29  2 * ", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
    ],
)
def test_it_fires_when_vixie_cron_does(expression: str, expected: list[str]) -> None:
    assert times(expression) == expected


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        # 02:00 to 03:00 does not exist: a time of day comes right after it, a rhythm does not come
        ("30 2 * * *", "2026-03-08T01:00-05:00", ["03-08 03:00-0400", "03-09 02:30-0400"]),
        ("0,30 2,3 * * *", "2026-03-08T01:00-05:00", ["03-08 03:00-0400", "03-08 03:30-0400"]),
        ("20 */2 * * *", "2026-03-08T01:00-05:00", ["03-08 04:20-0400", "03-08 06:20-0400"]),
        # 01:00 to 02:00 comes twice: a time of day only at the first, a rhythm in both
        ("30 1 * * *", "2026-11-01T00:50-04:00", ["11-01 01:30-0400", "11-02 01:30-0500"]),
        ("30 1 * * *", "2026-11-01T01:10-05:00", ["11-02 01:30-0500", "11-03 01:30-0500"]),
        ("*/30 1 * * *", "2026-11-01T01:10-04:00", ["11-01 01:30-0400", "11-01 01:00-0500"]),
        ("*/30 1 1 11 *", "2026-11-01T01:40-04:00", ["11-01 01:00-0500", "11-01 01:30-0500"]),
    ],
)
def test_changes_of_the_clock(expression: str, start: str, expected: list[str]) -> None:
    assert times(expression, "America/New_York", start, 2) == expected


@pytest.mark.parametrize(
    ("expression", "tz", "start", "expected"),
    [
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00-03:00", "11-04 01:00-0200"),
        ("30 */2 4 11 *", "America/Sao_Paulo", "2018-11-03T12:00-03:00", "11-04 02:30-0200"),
        ("*/15 3 * * *", "Australia/Lord_Howe", "2026-10-04T00:00+10:30", "10-04 03:00+1100"),
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-29T12:00-10:00", "12-31 00:00+1400"),
    ],
)
def test_odd_changes_of_the_clock(expression: str, tz: str, start: str, expected: str) -> None:
    assert times(expression, tz, start, 1) == [expected]


def test_six_fields_have_the_seconds_first() -> None:
    assert Cron.parse("30 0 0 * * *").next_after(NEW_YEAR) == datetime(2026, 1, 2, 0, 0, 30, tzinfo=UTC)
    almost = NEW_YEAR - timedelta(microseconds=1)
    assert Cron.parse("*/10 * * * * *").next_after(almost) == NEW_YEAR
    assert Cron.parse("*/10 * * * * *").next_after(NEW_YEAR) == NEW_YEAR + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "has 0 fields: write five .minute, hour, day of month, month, day of week., or six"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("60 * * * *", "minute '60' is out of range; allowed are 0-59, "),
        ("0 0 1 13 *", "month '13' is out of range; allowed are 1-12 or jan-dec"),
        ("0 0 0 * *", "day of month '0' is out of range; allowed are 1-31"),
        ("0 0 * * 8", "day of week '8' is out of range; allowed are 0-7 or sun-sat"),
        ("61 0 0 * * *", "second '61' is out of range"),
        ("0 0 * * 5-1", "day of week '5-1' has a range that ends before it starts"),
        ("0 0 * * sat-sun", "ends before it starts"),
        ("*/0 * * * *", "has a step of 0"),
        ("5/15 * * * *", "has a step without a range: write 5-59/15"),
        ("0 0 31 2 *", "never fires: none of its months has such a day"),
        ("0 0 30,31 2 */2", "never fires"),
        ("@reboot", "is not known: use one of @hourly"),
        ("@every 5m", "is not known"),
        ("@Daily", "is not known"),
        *(
            (f"{bad} * * * *", "is not understood")
            for bad in ("1,,2", ",", "-1", "1-", "1--3", "*5", "*-5", "1.5", "٣")
        ),
        *(
            (f"0 0 {bad} * *", "is not understood")
            for bad in ("L", "LW", "15W", "?", "H", "1-5/", "1/2/3", "x" * 999)
        ),
        *(
            (f"0 0 * * {bad}", "is not understood")
            for bad in ("5#3", "5L", "monday", "mon.", "1\n", "+1", "1_0")
        ),
        (f"{'9' * 9999} * * * *", "is not understood"),
    ],
)
def test_what_is_not_cron_is_refused_with_a_reason(expression: str, says: str) -> None:
    begun = time.monotonic()
    with pytest.raises(InvalidCron, match=f"^cron .*{says}") as refused:
        Cron.parse(expression)
    assert isinstance(refused.value, ValueError)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "tz", ["Europe/Berlni", "America", "../etc/passwd", "/etc/localtime", "+02:00", "\0", ""]
)
def test_an_unknown_zone_is_refused(tz: str) -> None:
    with pytest.raises(
        InvalidCron, match=r'time zone .* is not known: use an IANA name like "Europe/Berlin"'
    ):
        Cron.parse("@daily", tz)


def test_zones_are_known_where_the_system_has_none() -> None:
    code = "from workflows import Cron; print(Cron.parse('@daily', 'Asia/Tokyo'), Cron.parse('@daily').tz)"
    environment = {**os.environ, "PYTHONTZPATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "Cron(expression='@daily', tz='Asia/Tokyo') UTC\n"


def test_naive_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="2026-01-01T00:00:30 has no time zone"):
        Cron.parse("@daily").next_after(NEW_YEAR.replace(tzinfo=None))


def test_equal_text_and_zone_are_equal() -> None:
    assert Cron.parse("@daily") == Cron.parse("@daily ", "UTC") != Cron.parse("@daily", "Europe/Berlin")
    assert repr(Cron.parse("0 9 * * 1")) == "Cron(expression='0 9 * * 1', tz='UTC')"


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("@daily", True),
        ("@often", True),
        ("*/5 * * * *", True),
        ("0 */5 * * * *", True),
        ("a b c d e", True),
        ("5 minutes", False),
        ("", False),
        ("* * * *", False),
    ],
)
def test_what_is_meant_as_cron(text: str, cron: bool) -> None:
    assert looks_like_cron(text) is cron


MINUTE = timedelta(minutes=1)
CHANGES = [
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 5, tzinfo=UTC)),
]


def lists(low: int, high: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(low, high), min_size=1, max_size=3)


def minute_by_minute(
    minutes: set[int], hours: set[int], *, rhythm: bool, zone: ZoneInfo, start: datetime
) -> datetime:
    """The first time after `start`, by looking at the clock every minute."""
    moment = start.replace(second=0, microsecond=0)
    before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    while True:
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        shown = [wall]
        if not rhythm:
            jump = int((wall - before) / MINUTE)
            shown = [wall - n * MINUTE for n in range(max(1, jump))] if local.fold == 0 else []
        if moment > start and any(each.minute in minutes and each.hour in hours for each in shown):
            return moment
        before, moment = wall, moment + MINUTE


@st.composite
def minutes_fields(draw: st.DrawFn) -> tuple[str, set[int]]:
    """A minute field, and the minutes it means."""
    if draw(st.booleans()):
        step = draw(st.integers(1, 60))
        return f"*/{step}", set(range(0, 60, step))
    chosen = draw(lists(0, 59))
    return ",".join(map(str, chosen)), chosen


@settings(max_examples=300)
@given(minutes_fields(), lists(0, 4), st.sampled_from(CHANGES), st.integers(-7200, 7200))
def test_it_agrees_with_looking_at_the_clock_every_minute(
    minutes: tuple[str, set[int]], hours: set[int], change: tuple[str, datetime], seconds: int
) -> None:
    tz, at = change
    text, meant = minutes
    start = at + timedelta(seconds=seconds)
    cron = Cron.parse(f"{text} {','.join(map(str, hours))} * * *", tz)
    rhythm = text.startswith("*")
    found = cron.next_after(start).astimezone(UTC)  # a time that is shown twice equals no other zone's
    assert found == minute_by_minute(meant, hours, rhythm=rhythm, zone=ZoneInfo(tz), start=start)
