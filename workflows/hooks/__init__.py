"""Hooks for `on_complete` and `on_failure` of a workflow: ready ones, and what one of your own needs."""

from workflows.hooks.hook import Finished, Hook, PlacedHook
from workflows.hooks.signature import from_environment, new_secret
from workflows.hooks.start import StartWorkflow
from workflows.hooks.webhook import Webhook

__all__ = ["Finished", "Hook", "PlacedHook", "StartWorkflow", "Webhook", "from_environment", "new_secret"]
