"""The test kit: virtual time, a view into running instances, and old histories against today's code."""

from workflows.testing.clock import VirtualClock
from workflows.testing.differences import Difference
from workflows.testing.factory import EngineFactory
from workflows.testing.introspection import WorkflowIntrospector, introspect, introspect_all
from workflows.testing.introspector import InstanceIntrospector
from workflows.testing.replay import History, Replay, assert_replays, replay, replay_histories
from workflows.testing.rules import IntrospectionError, StepName

__all__ = [
    "Difference",
    "EngineFactory",
    "History",
    "InstanceIntrospector",
    "IntrospectionError",
    "Replay",
    "StepName",
    "VirtualClock",
    "WorkflowIntrospector",
    "assert_replays",
    "introspect",
    "introspect_all",
    "replay",
    "replay_histories",
]
