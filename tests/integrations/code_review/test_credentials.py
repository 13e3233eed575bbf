from __future__ import annotations

import pytest

from integrations.code_review.credentials import secret_findings

# Put together here, so that no text of this repository looks like a live credential.
_BODY = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3"
_SECRETS = {
    "github-token": "ghp_" + _BODY,
    "npm-token": "npm_" + _BODY,
    "stripe-key": "sk_live_" + _BODY[:24],
    "private-key": f"-----BEGIN PRIVATE KEY-----\n{_BODY}\n-----END PRIVATE KEY-----",
}


def test_only_added_lines_are_reported_and_never_repeated_in_full() -> None:
    text = f'a = "{_SECRETS["stripe-key"]}"\nb = "{_SECRETS["github-token"]}"\n'
    (found,) = secret_findings("m.py", text, first_line=1, added={2})
    assert (found.line, found.rule, found.severity) == (2, "secret/github-token", "critical")
    assert _BODY[:8] not in found.model_dump_json()
    assert found.evidence.startswith('b = "****')


def test_the_same_credential_is_reported_once() -> None:
    text = f'f("{_SECRETS["npm-token"]}")\n' * 3
    assert len(secret_findings("m.py", text, first_line=1, added={1, 2, 3})) == 1


def test_the_lines_of_a_certificate_are_one_guess() -> None:
    text = "".join(f"{_BODY}{number}Zz/Yy8+{number}\n" for number in range(40, 60))
    (found,) = secret_findings("ca.pem", text, first_line=1, added=range(1, 21))
    assert (found.rule, found.severity) == ("secret/random-text", "low")


@pytest.mark.parametrize(("path", "severity"), [("app.py", "high"), ("tests/test_app.py", "low")])
def test_made_up_passwords_of_tests_are_milder(path: str, severity: str) -> None:
    (found,) = secret_findings(path, 'login(password="q7Zk-93xP")\n', first_line=1, added={1})
    assert found.severity == severity


@pytest.mark.parametrize(
    ("path", "key", "severity"),
    [
        ("tests/test_app.py", "0123456789abcdef0123456789", "low"),
        ("app.py", "0123456789abcdef0123456789", "critical"),
        ("tests/test_app.py", _BODY, "critical"),
    ],
    ids=["counted in a test", "counted in a program", "a real look in a test"],
)
def test_keys_of_a_provider_that_nobody_was_given(path: str, key: str, severity: str) -> None:
    (found,) = secret_findings(path, f'ask(key="sk-proj-{key}")\n', first_line=1, added={1})
    assert (found.rule, found.severity) == ("secret/openai-key", severity)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (_SECRETS["github-token"], "critical"),
        (_SECRETS["private-key"], "critical"),
        ("postgres://app:s3cr3tpw@db.internal/shop", "high"),
        ("password=q7Zk-93xP", "high"),
        (_BODY + "Zz9Yy8", "low"),
    ],
    ids=["of a provider", "private key", "in an address", "named", "only random"],
)
def test_how_bad_it_is_follows_from_its_look(text: str, severity: str) -> None:
    (found,) = secret_findings("app.py", f'"{text}"\n', first_line=1, added={1, 2, 3})
    assert found.severity == severity
