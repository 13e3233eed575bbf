from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.code_review import FORMATS, Finding, ReviewReport, Skipped, render
from integrations.code_review.change_map.model import Caller, ChangeMap, FileChange, SignatureChange
from integrations.code_review.model.reviewer import Spent
from integrations.code_review.render.markdown import plain_markdown
from integrations.code_review.render.words import dropped_words, mode_words
from integrations.code_review.report import Dropped

_FINDING = Finding(
    path="a b/ü.py",
    line=3,
    end_line=4,
    severity="medium",  # type: ignore[arg-type]  # as it comes from a file
    rule="signal/operand-lost",
    message="`x & y` is gone: was it meant to go?",
    evidence="- if x & y:\n+ if x:",
    symbol="f",
    origin="signal",
)
_ABOUT_FILE = _FINDING.model_copy(
    update={"rule": "change/ci-file", "line": 0, "end_line": 0, "scope": "file"}
)
_REPORT = ReviewReport(
    mode="offline",
    title="main..feature",
    base="a" * 40,
    head="b" * 40,
    files_reviewed=("a b/ü.py",),
    files_skipped=(Skipped(path="uv.lock", reason="lock file"),),
    findings=(_FINDING, _ABOUT_FILE),
    ignored=(_FINDING.model_copy(update={"rule": "check/todo"}),),
    incomplete=(Skipped(path="huge.py", reason="too large", wanted=True),),
    unseen=(Skipped(path="x.yml", reason="not Python"),),
    change_map=ChangeMap(
        files=(FileChange(path="a b/ü.py", status="modified", added=3, removed=1, functions=("f",)),),
        signatures=(SignatureChange(path="a b/ü.py", line=3, name="f", old="def f(a)", new="def f(b)"),),
        callers=(Caller(name="f", path="c.py", line=9),),
        risk="medium",
        reasons=("changes 1 public signature",),
    ),
    dropped=Dropped(above_max_findings=2, not_proven=1),
    usage=Spent(requests=2, input_tokens=1_000, output_tokens=20, cost=0.5),
    failing=0,
)


def test_the_text_says_what_was_found_what_not_and_what_was_left_out() -> None:
    assert render(_REPORT).splitlines() == [
        "Review of main..feature",
        mode_words(_REPORT),
        "",
        "a b/ü.py:3  medium  signal/operand-lost  in f  [2165ea171ebe]",
        "    `x & y` is gone: was it meant to go?",
        "      - if x & y:",
        "      + if x:",
        "",
        "a b/ü.py  medium  change/ci-file  in f  [238ba43e2acd]",
        "    `x & y` is gone: was it meant to go?",
        "      - if x & y:",
        "      + if x:",
        "",
        "Risk medium (changes 1 public signature); 1 function touched in 1 file.",
        "  a b/ü.py:3 def f(a) -> def f(b); called at c.py:9",
        "1 file reviewed, 1 skipped.",
        "  skipped uv.lock: lock file",
        "  partly seen x.yml: not Python",
        f"Not shown: {'; '.join(dropped_words(_REPORT))}.",
        "Incomplete, not reviewed as it should be:",
        "  huge.py: too large",
        "2 requests, 1,000 tokens in, 20 out, $0.5000.",
        "Nothing at or above high.",
    ]


def test_what_is_not_shown_is_counted_by_reason() -> None:
    assert dropped_words(_REPORT) == [
        "2 more, over max_findings",
        "1 silenced by `review: ignore` comments",
        "1 claimed by the model and not proven",
    ]


def test_the_mode_says_what_it_cannot_see() -> None:
    assert "no model was asked" in mode_words(_REPORT)
    with_model = _REPORT.model_copy(update={"mode": "llm", "model": "m"})
    assert "Read by m" in mode_words(with_model)


def test_json_has_the_keys_that_programs_read() -> None:
    shown = json.loads(render(_REPORT, "json"))
    assert shown["mode"] == "offline"
    assert shown["files_reviewed"] == ["a b/ü.py"]
    assert shown["files_skipped"] == [{"path": "uv.lock", "reason": "lock file"}]
    assert shown["usage"]["input_tokens"] == 1_000
    assert shown["exit_code"] == 3
    keys = ("path", "line", "end_line", "severity", "rule", "message", "evidence")
    assert [shown["findings"][0][key] for key in keys] == [
        "a b/ü.py",
        3,
        4,
        "medium",
        "signal/operand-lost",
        "`x & y` is gone: was it meant to go?",
        "- if x & y:\n+ if x:",
    ]


def test_sarif_has_stable_rules_relative_paths_and_fingerprints() -> None:
    (run,) = json.loads(render(_REPORT, "sarif"))["runs"]
    first, about_file, silenced = run["results"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["change/ci-file", "check/todo", "signal/operand-lost"]
    assert (first["ruleId"], rules[first["ruleIndex"]], first["level"]) == (rules[2], rules[2], "warning")
    location = first["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "a%20b/%C3%BC.py", "uriBaseId": "SRCROOT"}
    assert location["region"] == {"startLine": 3, "endLine": 4}
    assert "region" not in about_file["locations"][0]["physicalLocation"]
    assert first["partialFingerprints"] == {"codeReview/v1": _FINDING.fingerprint}
    assert silenced["suppressions"] == [{"kind": "inSource"}]
    assert run["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_report_is_one_too(form: str) -> None:
    empty = ReviewReport(mode="llm", title="x", base=None, head=None, model="m")
    assert render(empty, form).endswith("\n")  # type: ignore[arg-type]  # parametrised


_ACTIVE = re.compile(r"@\w|#\d|GH-\d|://|www\.|<(?!!-- -->|/?code>)|(?<!\\)[\[\]]|(?<!\\)!\[", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "ask @octocat",
        "fixes #12",
        "see GH-12 and www.example.org",
        "![x](https://example.org/leak?q=1)",
        "[click](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "</details><script>",
        "`@octocat` and `<b>` and `a`b`",
        "`` ` ``",
    ],
)
def test_markdown_addresses_nobody_and_loads_nothing(text: str) -> None:
    shown = plain_markdown(text)
    assert not _ACTIVE.search(re.sub(r"<code>[^<>]*</code>", "", shown))


@given(st.text(st.sampled_from("ab@#1:/<>[]()!`\\&*_ wGH-.")))
def test_no_text_is_active_in_markdown(text: str) -> None:
    shown = plain_markdown(text)
    assert not _ACTIVE.search(re.sub(r"<code>[^<>]*</code>", "", shown))
    assert "`" not in re.sub(r"\\`", "", shown)


def test_evidence_cannot_end_its_block() -> None:
    finding = _FINDING.model_copy(update={"evidence": "````\n@octocat ```"})
    text = render(_REPORT.model_copy(update={"findings": (finding,)}), "markdown")
    assert "\n`````\n````\n@octocat ```\n`````\n" in text


def test_markdown_stays_below_what_a_comment_may_hold() -> None:
    many = tuple(_FINDING.model_copy(update={"line": line, "message": "x" * 900}) for line in range(200))
    assert len(render(_REPORT.model_copy(update={"findings": many}), "markdown")) < 65_000
