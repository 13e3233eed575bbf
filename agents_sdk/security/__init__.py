"""Who may talk to an app, and how much."""

from agents_sdk.principal import Principal
from agents_sdk.security.access import Hook, principal_of
from agents_sdk.security.limits import Limits
from agents_sdk.security.log import JsonLines, audit, audited
from agents_sdk.security.modest import modest_cron, modest_interval
from agents_sdk.security.secret import Secret, redacted
from agents_sdk.security.ticket import Tickets
from agents_sdk.security.webhook_in import Received, github_webhook, standard_webhook

__all__ = [
    "Hook",
    "JsonLines",
    "Limits",
    "Principal",
    "Received",
    "Secret",
    "Tickets",
    "audit",
    "audited",
    "github_webhook",
    "modest_cron",
    "modest_interval",
    "principal_of",
    "redacted",
    "standard_webhook",
]
