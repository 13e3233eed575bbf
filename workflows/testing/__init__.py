"""The test kit: virtual time, a view into running instances, and old histories against today's code."""

from workflows.testing.clock import VirtualClock
from workflows.testing.introspection import WorkflowIntrospector, introspect, introspect_all
from workflows.testing.introspector import InstanceIntrospector
from workflows.testing.rules import IntrospectionError, StepName

__all__ = [
    "InstanceIntrospector",
    "IntrospectionError",
    "StepName",
    "VirtualClock",
    "WorkflowIntrospector",
    "introspect",
    "introspect_all",
]
