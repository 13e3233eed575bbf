"""The shapes of credentials that can be told by their look alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of credential; `pattern` has a group `secret` that holds what must not be shown."""

    kind: str
    name: str
    mark: str
    """Stands in every text that has one; looking for it is far quicker than for the pattern."""
    pattern: re.Pattern[str]


_DIGIT = r"(?=[A-Za-z0-9_-]{0,300}\d)"
"""Of words that are joined by dashes none has one; class names of web pages begin like some keys."""


def _token(kind: str, name: str, mark: str, body: str) -> Shape:
    return Shape(kind, name, mark, re.compile(rf"(?<![A-Za-z0-9_])(?P<secret>{body})(?![A-Za-z0-9])"))


SHAPES: tuple[Shape, ...] = (
    Shape(
        "private-key",
        "a private key",
        "PRIVATE KEY",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<secret>(?:[^-]|-(?!----)){16,8000})"  # no further than the next line of dashes
        ),
    ),
    _token("aws-access-key", "an AWS access key", "A", r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}"),
    _token("github-token", "a GitHub token", "gh", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _token("github-token", "a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _token("gitlab-token", "a GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
    _token("openai-key", "an OpenAI key", "sk-", _DIGIT + r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}"),
    _token("anthropic-key", "an Anthropic key", "sk-ant-", _DIGIT + r"sk-ant-[A-Za-z0-9_-]{20,}"),
    _token("slack-token", "a Slack token", "xox", _DIGIT + r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _token("slack-token", "a Slack token", "xapp-", r"xapp-\d-[A-Za-z0-9-]{20,}"),
    _token("stripe-key", "a Stripe key", "k_", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _token("google-key", "a Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _token("google-secret", "a Google client secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _token("groq-key", "a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    _token("vault-token", "a Vault token", "hvs.", r"hvs\.[A-Za-z0-9_-]{24,}"),
    _token("docker-token", "a Docker Hub token", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    _token("digitalocean-token", "a DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _token("shopify-token", "a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _token("databricks-token", "a Databricks token", "dapi", r"dapi[a-f0-9]{32}"),
    _token("age-key", "an age key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _token("npm-token", "an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("pypi-token", "a PyPI token", "pypi-", r"pypi-[A-Za-z0-9_-]{50,}"),
    _token("sendgrid-key", "a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _token("hugging-face-token", "a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _token("telegram-token", "a Telegram bot token", ":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    Shape(
        "jwt",
        "a signed token (JWT)",
        "eyJ",
        # It begins where a word does: a long word is looked through once, not from each of its parts.
        re.compile(
            r"(?<![A-Za-z0-9_-])(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
        ),
    ),
    Shape(
        "webhook-url",
        "a webhook address that works as a credential",
        "https://",
        re.compile(
            r"https://(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/(?P<secret>[A-Za-z0-9/_-]{16,})"
        ),
    ),
    Shape(
        "url-password",
        "a password in an address",
        "://",
        re.compile(
            r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"{}<>$]{1,80}:(?P<secret>[^\s:/@'\"{}<>$*]{3,200})@[\w.-]+"
        ),
    ),
    Shape(
        "connection-key",
        "an account key",
        "Key=",
        re.compile(r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{20,}={0,2})"),
    ),
)
