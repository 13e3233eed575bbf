from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.secrets import find_secrets, masked

# Put together here, so that no text of this repository looks like a live credential.
_BODY = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3"
_SECRETS = {
    "aws-access-key": "AKIA" + "IOSFODNN7ABCDEFG",
    "github-token": "ghp_" + _BODY,
    "gitlab-token": "glpat-" + _BODY[:20],
    "openai-key": "sk-proj-" + _BODY,
    "anthropic-key": "sk-ant-" + _BODY,
    "slack-token": "xoxb-" + "123456789012-" + _BODY[:12],
    "stripe-key": "sk_live_" + _BODY[:24],
    "google-key": "AIza" + _BODY[:35],
    "google-secret": "GOCSPX-" + _BODY[:28],
    "groq-key": "gsk_" + _BODY + _BODY,
    "vault-token": "hvs." + _BODY,
    "docker-token": "dckr_pat_" + _BODY[:27],
    "digitalocean-token": "dop_v1_" + "0123456789abcdef" * 4,
    "shopify-token": "shpat_" + "0123456789abcdef" * 2,
    "databricks-token": "dapi" + "0123456789abcdef" * 2,
    "age-key": "AGE-SECRET-KEY-1" + ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2)[:58],
    "npm-token": "npm_" + _BODY,
    "pypi-token": "pypi-" + _BODY + _BODY,
    "hugging-face-token": "hf_" + _BODY[:34],
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + _BODY,
}


@pytest.mark.parametrize("kind", _SECRETS)
def test_credentials_of_known_look(kind: str) -> None:
    text = f'client = connect("{_SECRETS[kind]}")\n'
    (found,) = find_secrets(text)
    assert found.kind in (kind, "openai-key")  # Anthropic's keys look like OpenAI's
    assert text[found.start : found.end] == _SECRETS[kind]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('API_KEY = "q7Zk-93xP"', "q7Zk-93xP"),
        ("password: hunter2x9!z", "hunter2x9!z"),
        ("export AUTH_TOKEN=abc123def456ghi", "abc123def456ghi"),
        ('{"client_secret": "9f8e7d6c5b4a"}', "9f8e7d6c5b4a"),
        ('secret_key: str = "p@ss(word)1!"', "p@ss(word)1!"),
        ('os.environ.get("GATEWAY_KEY", "gw-live-9fQ2vLx7")', "gw-live-9fQ2vLx7"),
        ('db = "postgres://app:s3cr3tpw@db.internal/shop"', "s3cr3tpw"),
        ("AccountKey=" + _BODY + "==;", _BODY + "=="),
        ("x = '" + _BODY + "Zz9Yy8'", _BODY + "Zz9Yy8"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0\n-----END PRIVATE KEY-----",
            "MIIEvQIBADANBgkq",
        ),
    ],
)
def test_values_that_are_named_or_placed_like_credentials(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert find_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "token = get_token(x1)",
        "max_tokens = 40960000",
        "tokens: list[str] = []",
        'password = os.environ["FOO_BAR12"]',
        'token="{token}x12345"',
        'password = "changeme-please-1"',
        'api_key = "your-api-key-here"',
        "self.token_value1 = token_value1",
        'TOKEN_URL = "https://example.org/oauth2/v1"',
        'tokenizer = "cl100k_base-v2x"',
        'sha256 = "' + "0123456789abcdef" * 4 + '"',
        '"integrity": "sha512-' + _BODY + _BODY + '"',
        "import a_rather_long_module_name_that_is_only_words_after_all_is_said",
        "secret = None",
        'url = "amqp://guest:guest@localhost//"',
        'secrets = "xxxxxxxxxxxx"',
        "def sign(private_key: Ed25519PrivateKey | None) -> None: ...",
        '.add("sk-toggleable__label-arrow-container")',
        'say("xoxo-hugs-and-kisses")',
        "# https://github.com/python/cpython/blob/785cc6770588de087d09e89a69110af2542be208/Lib/sysconfig.py",
        'LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"',
        'open("src/integrations/some/really/long/path/that/is/a/path.py")',
    ],
)
def test_what_only_looks_a_little_like_one(text: str) -> None:
    assert find_secrets(text) == []


@given(st.text(st.sampled_from("aB3= \n\"':/@-_."), max_size=200))
def test_masking_keeps_length_and_lines_and_leaves_nothing_behind(text: str) -> None:
    hidden = masked(text)
    assert [len(line) for line in hidden.split("\n")] == [len(line) for line in text.split("\n")]
    for secret in find_secrets(text):
        assert not text[secret.start : secret.end].strip() or text[secret.start : secret.end] not in hidden


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "token=" * 40_000, "x://" + "a" * 200_000, "eyJ" * 60_000, "a.b://" * 30_000]
)
def test_long_texts_are_read_in_linear_time(text: str) -> None:
    assert find_secrets(text) == []
