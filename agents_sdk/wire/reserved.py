"""Names that every agent of the original has: to a client they exist, and are not callable."""

from __future__ import annotations

__all__ = ["RESERVED"]

_LINES = (
    # of every JavaScript object
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf",
    # of the object that an agent is
    "alarm fetch webSocketClose webSocketError webSocketMessage",
    # of its life and its connections
    "broadcast destroy getConnection getConnectionTags getConnections isConnectionReadonly onAlarm",
    "onClose onConnect onEmail onError onMessage onRequest onStart setConnectionReadonly",
    "shouldConnectionBeReadonly shouldSendProtocolMessages",
    # of its state, queue, schedules
    "cancelSchedule dequeue dequeueAll dequeueAllByCallback getQueue getQueues getSchedule",
    "getScheduleById getSchedules keepAlive keepAliveWhile listSchedules onStateChanged onStateUpdate",
    "queue retry schedule scheduleEvery setState sql validateStateChange",
    # of fibers, sub-agents, workflows, MCP servers and mail
    "abortSubAgent addMcpServer approveWorkflow cancelFiber cancelFiberByKey deleteFibers deleteSubAgent",
    "deleteWorkflow deleteWorkflows getCallableMethods getMcpServers getWorkflow getWorkflowStatus",
    "getWorkflows hasSubAgent inspectFiber inspectFiberByKey listFibers listSubAgents",
    "migrateWorkflowBinding onBeforeSubAgent onFiberRecovered onWorkflowCallback onWorkflowComplete",
    "onWorkflowError onWorkflowEvent onWorkflowProgress parentAgent pauseWorkflow rejectWorkflow",
    "removeMcpServer replyToEmail resolveFiber restartWorkflow resumeWorkflow runAgentTool runFiber",
    "runWorkflow sendEmail sendWorkflowEvent startFiber stash subAgent terminateWorkflow",
    # of chats
    "continueLastTurn hasPendingInteraction onChatMessage onChatRecovery onChatResponse persistMessages",
    "resetTurnState sanitizeMessageForPersistence saveMessages waitUntilStable",
)

RESERVED = frozenset(name for line in _LINES for name in line.split())
