"""Durable execution for asyncio code: a step is retried, remembered and, once recorded, never done again."""

from workflows.batch import BatchError, BatchItem, CreatedBatch, DeletedBatch
from workflows.binding import Binding, Toll
from workflows.clock import Clock, SystemClock
from workflows.decorated import DecoratedStep
from workflows.durable import Durable
from workflows.duration import Duration, seconds
from workflows.engine import Engine
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import (
    AmbiguousStepName,
    AttemptEnded,
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
    NotYet,
    StepError,
    StepInterrupted,
    StoreError,
    StoreFailed,
    StoreInUse,
    TooManyTimers,
    TryAgain,
    UnknownWorkflow,
    WorkflowError,
    WorkflowFailed,
    WorkflowFatalError,
    WorkflowTimeoutError,
)
from workflows.failure import Failure
from workflows.hooks import StartWorkflow, Webhook
from workflows.hooks.deliveries import Deliveries, Delivery
from workflows.hooks.hook import Finished, Hook, PlacedHook
from workflows.hooks.outward import guarded_client
from workflows.instance import WorkflowInstance
from workflows.interrupted import Happened, Interrupted, NotHappened, OnInterrupted
from workflows.page import ListedInstance, Page
from workflows.retention import Retention
from workflows.retry import DelayContext, RetryOptions, StepOptions
from workflows.rollback import RollbackContext, RollbackOptions
from workflows.spent import Spent
from workflows.sqlite.backup import backup
from workflows.sqlite.store import Durability, Health, Operation, Statement, Store
from workflows.step import WorkflowStep
from workflows.streams.stream import StepStream, Streamed, StreamPart, StreamReset
from workflows.timers.cron import Cron, looks_like_cron
from workflows.timers.policy import TimerPolicy
from workflows.timers.realm import Timers
from workflows.timers.timer import Every, Share, Timer
from workflows.types import (
    ChildRef,
    CronFiring,
    HistoryEvent,
    InstanceStatus,
    Raced,
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
    "AttemptEnded",
    "BatchError",
    "BatchItem",
    "Binding",
    "CannotDecode",
    "ChildRef",
    "Clock",
    "CreatedBatch",
    "Cron",
    "CronFiring",
    "DecoratedStep",
    "DelayContext",
    "DeletedBatch",
    "Deliveries",
    "Delivery",
    "Durability",
    "Durable",
    "Duration",
    "Engine",
    "EngineClosed",
    "Every",
    "Failure",
    "Fenced",
    "Finished",
    "Happened",
    "Health",
    "HistoryEvent",
    "Hook",
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
    "NotYet",
    "OnInterrupted",
    "Operation",
    "Page",
    "PlacedHook",
    "Raced",
    "ReceivedEvent",
    "Retention",
    "RetryOptions",
    "RollbackContext",
    "RollbackOptions",
    "RollbackStatus",
    "Share",
    "Spent",
    "StartWorkflow",
    "Statement",
    "Status",
    "StepContext",
    "StepCount",
    "StepError",
    "StepInterrupted",
    "StepOptions",
    "StepStream",
    "Store",
    "StoreError",
    "StoreFailed",
    "StoreInUse",
    "StreamPart",
    "StreamReset",
    "Streamed",
    "SystemClock",
    "Timer",
    "TimerPolicy",
    "Timers",
    "Toll",
    "TooManyTimers",
    "TryAgain",
    "UnknownWorkflow",
    "Usage",
    "Webhook",
    "WorkflowEntrypoint",
    "WorkflowError",
    "WorkflowEvent",
    "WorkflowFailed",
    "WorkflowFatalError",
    "WorkflowInstance",
    "WorkflowStep",
    "WorkflowTimeoutError",
    "backup",
    "guarded_client",
    "looks_like_cron",
    "seconds",
]
