"""Durable execution for asyncio code: a step is retried, remembered and, once recorded, never done again."""

from workflows.batch import BatchError, BatchItem, CreatedBatch, DeletedBatch
from workflows.binding import Binding
from workflows.clock import Clock, SystemClock
from workflows.cron import Cron, looks_like_cron
from workflows.duration import Duration, seconds
from workflows.engine import Engine
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import (
    AmbiguousStepName,
    CannotDecode,
    EngineClosed,
    Fenced,
    InstanceExists,
    InstanceFinished,
    InstanceNotFound,
    InvalidCron,
    InvalidDuration,
    InvalidParams,
    InvalidPayload,
    NonRetryableDelayError,
    NonRetryableError,
    NotStorable,
    StepError,
    StepInterrupted,
    StoreError,
    StoreFailed,
    StoreInUse,
    UnknownWorkflow,
    WorkflowError,
    WorkflowFailed,
    WorkflowFatalError,
    WorkflowTimeoutError,
)
from workflows.failure import Failure
from workflows.instance import WorkflowInstance
from workflows.interrupted import Happened, Interrupted, NotHappened, OnInterrupted
from workflows.page import ListedInstance, Page
from workflows.retention import Retention
from workflows.retry import DelayContext, RetryOptions, StepOptions
from workflows.sqlite.store import Operation, Statement, Store
from workflows.step import WorkflowStep
from workflows.timer import Every, Timer
from workflows.timers import Timers
from workflows.types import (
    CronFiring,
    HistoryEvent,
    InstanceStatus,
    ReceivedEvent,
    RollbackStatus,
    Status,
    StepContext,
    StepCount,
    Usage,
    WorkflowEvent,
)

__all__ = [
    "AmbiguousStepName",
    "BatchError",
    "BatchItem",
    "Binding",
    "CannotDecode",
    "Clock",
    "CreatedBatch",
    "Cron",
    "CronFiring",
    "DelayContext",
    "DeletedBatch",
    "Duration",
    "Engine",
    "EngineClosed",
    "Every",
    "Failure",
    "Fenced",
    "Happened",
    "HistoryEvent",
    "InstanceExists",
    "InstanceFinished",
    "InstanceNotFound",
    "InstanceStatus",
    "Interrupted",
    "InvalidCron",
    "InvalidDuration",
    "InvalidParams",
    "InvalidPayload",
    "ListedInstance",
    "NonRetryableDelayError",
    "NonRetryableError",
    "NotHappened",
    "NotStorable",
    "OnInterrupted",
    "Operation",
    "Page",
    "ReceivedEvent",
    "Retention",
    "RetryOptions",
    "RollbackStatus",
    "Statement",
    "Status",
    "StepContext",
    "StepCount",
    "StepError",
    "StepInterrupted",
    "StepOptions",
    "Store",
    "StoreError",
    "StoreFailed",
    "StoreInUse",
    "SystemClock",
    "Timer",
    "Timers",
    "UnknownWorkflow",
    "Usage",
    "WorkflowEntrypoint",
    "WorkflowError",
    "WorkflowEvent",
    "WorkflowFailed",
    "WorkflowFatalError",
    "WorkflowInstance",
    "WorkflowStep",
    "WorkflowTimeoutError",
    "looks_like_cron",
    "seconds",
]
