"""From everything that was found to what is shown: silenced, merged, sorted, cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from integrations.code_review.finding import SHORT, Finding, Severity
from integrations.code_review.merge import by_weight, merged
from integrations.code_review.settings import Settings
from integrations.value import Value

__all__ = ["Ranked", "ranked"]

_MOST_IGNORED = 200
_MOST_LISTED = 10_000


class Ranked(Value):
    """What is left, and how much is not shown."""

    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    below_min_severity: int
    above_max_findings: int
    ignored_rules: int
    settled: int
    failing: int
    found: tuple[str, ...] | None
    """All that was found, shown or not, by `Finding.short`; None when it is too much to be listed."""


def ranked(
    findings: Iterable[Finding],
    silenced: Iterable[Finding],
    settings: Settings,
    *,
    gained: Mapping[str, frozenset[str]],
    settled: Iterable[str] = (),
) -> Ranked:
    """The worst first, one per thing, at most `settings.cap`; those that were there before come last.

    `gained` are the calls that came to each file: what one file lost and another gained was perhaps moved.
    `settled` are fingerprints, or their beginnings, of findings that are not told again.
    """
    told = {fingerprint[:SHORT] for fingerprint in settled}
    ignored = tuple(silenced)[:_MOST_IGNORED]
    everything = [_weighed(finding, gained) for finding in findings]
    wanted = [finding for finding in everything if not settings.silences(finding.rule)]
    loud = [finding for finding in wanted if finding.severity.at_least(settings.floor)]
    single = sorted(merged(loud), key=by_weight)
    new = [finding for finding in single if finding.short not in told]
    return Ranked(
        findings=tuple(new[: settings.cap]),
        ignored=ignored,
        below_min_severity=len(wanted) - len(loud),
        above_max_findings=max(0, len(new) - settings.cap),
        ignored_rules=len(everything) - len(wanted),
        settled=len(single) - len(new),
        failing=sum(
            not one.preexisting and one.severity.at_least(settings.fail_on) and one.short not in told
            for one in merged(wanted)
        ),
        found=_listed([*everything, *ignored]),
    )


def _listed(findings: Iterable[Finding]) -> tuple[str, ...] | None:
    shorts = tuple(dict.fromkeys(finding.short for finding in findings))
    return shorts if len(shorts) <= _MOST_LISTED else None


def _weighed(finding: Finding, gained: Mapping[str, frozenset[str]]) -> Finding:
    moved = any(finding.subject in names for path, names in gained.items() if path != finding.path)
    if finding.origin != "signal" or not finding.subject or not moved:
        return finding
    return finding.model_copy(update={"severity": finding.severity.at_most(Severity.LOW)})
