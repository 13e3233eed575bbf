"""What agents keep in the engine's store, as data: each component has its tables, and says what is whose.

Nothing is imported from the parts, so that the directory, which they stand on, can look at all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STORED", "Stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """The tables of one component; `?` stands for the number of an agent."""

    component: str
    steps: tuple[str, ...]
    """The schema, and how each version becomes the next; a released step never changes."""
    forget: tuple[str, ...]
    """Statements that delete everything of one agent."""
    owed: str = ""
    """A SELECT of the agents, as `agent`, that have work to do at a start, whether anybody asks for them."""


AGENTS = Stored(
    "agents",
    (
        """
        CREATE TABLE agent(
          id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, name TEXT NOT NULL,
          created REAL NOT NULL, UNIQUE(class, name)) STRICT;
        CREATE TABLE agent_state(
          agent INTEGER PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
        """,
        """
        CREATE TABLE agent_2(
          id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, name TEXT NOT NULL,
          created REAL NOT NULL, condemned INTEGER NOT NULL DEFAULT 0) STRICT;
        INSERT INTO agent_2(id, class, name, created) SELECT id, class, name, created FROM agent;
        DROP TABLE agent;
        ALTER TABLE agent_2 RENAME TO agent;
        CREATE UNIQUE INDEX agent_name ON agent(class, name) WHERE condemned = 0;
        """,  # a condemned agent does not stand in the way of another one with its name
        """
        ALTER TABLE agent ADD COLUMN parent INTEGER NOT NULL DEFAULT 0;
        DROP INDEX agent_name;
        CREATE UNIQUE INDEX agent_name ON agent(parent, class, name) WHERE condemned = 0;
        """,  # 0 is nobody: a top-level agent
        "ALTER TABLE agent_state ADD COLUMN crc INTEGER;",  # a row without one was written before; below, too
    ),
    ("DELETE FROM agent_state WHERE agent = ?", "DELETE FROM agent WHERE id = ?"),
)

MCP = Stored(
    "mcp",
    (
        """
        CREATE TABLE agent_mcp(
          place INTEGER PRIMARY KEY, agent INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
          url TEXT NOT NULL, headers TEXT NOT NULL, UNIQUE(agent, id)) STRICT;
        """,
        "ALTER TABLE agent_mcp ADD COLUMN crc INTEGER;",
    ),
    ("DELETE FROM agent_mcp WHERE agent = ?",),
)


QUEUE = Stored(
    "queue",
    (
        """
        CREATE TABLE agent_item(
          place INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, id TEXT NOT NULL,
          version INTEGER NOT NULL DEFAULT 1, method TEXT NOT NULL, payload BLOB NOT NULL,
          created REAL NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL,
          base_delay REAL NOT NULL, max_delay REAL NOT NULL, due REAL NOT NULL DEFAULT 0,
          error TEXT, dead INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE UNIQUE INDEX agent_item_id ON agent_item(agent, id);
        CREATE INDEX agent_item_place ON agent_item(agent, dead, place);
        """,  # a place is never used again: a call that ends knows its item by it
        "ALTER TABLE agent_item ADD COLUMN crc INTEGER;",
    ),
    ("DELETE FROM agent_item WHERE agent = ?",),
    "SELECT agent FROM agent_item WHERE dead = 0",
)


CHAT = Stored(
    "chat",
    (
        """
        CREATE TABLE chat_message(
          agent INTEGER NOT NULL, id TEXT NOT NULL, part INTEGER NOT NULL, place REAL NOT NULL,
          body BLOB NOT NULL, PRIMARY KEY(agent, id, part)) STRICT;
        CREATE TABLE chat_turn(
          n INTEGER PRIMARY KEY, agent INTEGER NOT NULL, first TEXT NOT NULL, request TEXT NOT NULL,
          kind TEXT NOT NULL, attempt INTEGER NOT NULL, answer TEXT NOT NULL, after TEXT, ids BLOB NOT NULL,
          body BLOB NOT NULL, tools BLOB NOT NULL, created REAL NOT NULL, error TEXT,
          UNIQUE(agent, first)) STRICT;
        CREATE TABLE chat_chunk(
          agent INTEGER NOT NULL, first TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
          PRIMARY KEY(agent, first, seq)) STRICT;
        CREATE TABLE chat_context(
          agent INTEGER PRIMARY KEY, body BLOB NOT NULL, tools BLOB NOT NULL) STRICT;
        """,
        """
        CREATE TABLE chat_note(
          agent INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
          PRIMARY KEY(agent, key)) STRICT;
        """,
        """
        CREATE TABLE chat_cleared(agent INTEGER PRIMARY KEY, digests BLOB NOT NULL) STRICT;
        """,  # of the ids of messages that clears have deleted
        "ALTER TABLE chat_message ADD COLUMN crc INTEGER;",
        """
        ALTER TABLE chat_turn ADD COLUMN crc INTEGER;
        ALTER TABLE chat_chunk ADD COLUMN crc INTEGER;
        ALTER TABLE chat_context ADD COLUMN crc INTEGER;
        ALTER TABLE chat_note ADD COLUMN crc INTEGER;
        ALTER TABLE chat_cleared ADD COLUMN crc INTEGER;
        """,
    ),
    (
        "DELETE FROM chat_message WHERE agent = ?",
        "DELETE FROM chat_chunk WHERE agent = ?",
        "DELETE FROM chat_turn WHERE agent = ?",
        "DELETE FROM chat_context WHERE agent = ?",
        "DELETE FROM chat_note WHERE agent = ?",
        "DELETE FROM chat_cleared WHERE agent = ?",
    ),
    "SELECT agent FROM chat_turn WHERE error IS NULL",
)

MAKERS = Stored(
    "makers",
    (
        """
        CREATE TABLE agent_maker(agent INTEGER PRIMARY KEY, principal TEXT NOT NULL) STRICT;
        CREATE INDEX agent_maker_principal ON agent_maker(principal);
        """,
        """
        CREATE TABLE instance_maker(
          workflow TEXT NOT NULL, instance TEXT NOT NULL, principal TEXT NOT NULL,
          PRIMARY KEY(workflow, instance)) STRICT, WITHOUT ROWID;
        CREATE INDEX instance_maker_principal ON instance_maker(principal);
        """,  # an instance outlives the agent that has created it
    ),
    ("DELETE FROM agent_maker WHERE agent = ?",),
)

WORKFLOWS = Stored(
    "agent_workflows",
    (
        """
        CREATE TABLE agent_workflow(
          id INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, workflow TEXT NOT NULL,
          instance TEXT NOT NULL, name TEXT NOT NULL, metadata TEXT, created REAL NOT NULL, reported TEXT,
          forgotten INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE UNIQUE INDEX agent_workflow_instance ON agent_workflow(workflow, instance);
        CREATE UNIQUE INDEX agent_workflow_id ON agent_workflow(agent, instance) WHERE NOT forgotten;
        """,
        "ALTER TABLE agent_workflow ADD COLUMN crc INTEGER;",
    ),
    ("DELETE FROM agent_workflow WHERE agent = ?",),
)

FIBERS = Stored(
    "fibers",
    (
        """
        CREATE TABLE agent_fiber(
          number INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, id TEXT NOT NULL,
          name TEXT NOT NULL, key TEXT, retained INTEGER NOT NULL, status TEXT NOT NULL, metadata BLOB,
          snapshot BLOB, error TEXT, created REAL NOT NULL, started REAL, ended REAL, interrupted REAL,
          attempt INTEGER NOT NULL DEFAULT 0, owed INTEGER NOT NULL DEFAULT 1) STRICT;
        CREATE UNIQUE INDEX agent_fiber_id ON agent_fiber(agent, id);
        CREATE UNIQUE INDEX agent_fiber_key ON agent_fiber(agent, key) WHERE key IS NOT NULL;
        CREATE INDEX agent_fiber_number ON agent_fiber(agent, retained, number);
        CREATE INDEX agent_fiber_owed ON agent_fiber(agent) WHERE owed = 1;
        """,
        """
        ALTER TABLE agent_fiber ADD COLUMN crc INTEGER;
        ALTER TABLE agent_fiber ADD COLUMN held INTEGER;
        """,  # of what it was begun with, and of its snapshot
    ),
    ("DELETE FROM agent_fiber WHERE agent = ?",),
    "SELECT agent FROM agent_fiber WHERE owed = 1",
)

STREAMS = Stored(
    "streams",
    (
        """
        CREATE TABLE agent_stream(
          number INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, name TEXT NOT NULL,
          state TEXT NOT NULL DEFAULT 'open', last INTEGER NOT NULL, tag TEXT, metadata BLOB, error TEXT,
          created REAL NOT NULL, ended REAL, UNIQUE(agent, name)) STRICT;
        CREATE TABLE agent_chunk(
          id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, place INTEGER NOT NULL, value BLOB NOT NULL,
          UNIQUE(stream, place)) STRICT;
        """,
        "ALTER TABLE agent_chunk ADD COLUMN crc INTEGER;",
    ),
    (
        "DELETE FROM agent_chunk WHERE stream IN (SELECT number FROM agent_stream WHERE agent = ?)",
        "DELETE FROM agent_stream WHERE agent = ?",
    ),
)

AGENT_TOOLS = Stored(
    "agent_tools",
    (
        """
        CREATE TABLE agent_tool_run(
          number INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, id TEXT NOT NULL,
          class TEXT NOT NULL, call TEXT, input TEXT NOT NULL, preview BLOB, display BLOB,
          status TEXT NOT NULL DEFAULT 'starting', child INTEGER, chunks BLOB, summary TEXT, error TEXT,
          on_finish TEXT, owed INTEGER NOT NULL DEFAULT 1, created REAL NOT NULL, UNIQUE(agent, id)) STRICT;
        CREATE INDEX agent_tool_run_child ON agent_tool_run(child) WHERE child IS NOT NULL;
        CREATE INDEX agent_tool_run_owed ON agent_tool_run(agent) WHERE owed = 1;
        """,  # agent is the parent, child the number of the sub-agent
        """
        ALTER TABLE agent_tool_run ADD COLUMN crc INTEGER;
        ALTER TABLE agent_tool_run ADD COLUMN came_to INTEGER;
        """,  # of what was asked for, and of how it has ended
    ),
    ("DELETE FROM agent_tool_run WHERE agent = ?",),
    "SELECT agent FROM agent_tool_run WHERE owed = 1",
)

STORED = (
    AGENTS,
    MCP,
    QUEUE,
    CHAT,
    MAKERS,
    WORKFLOWS,
    FIBERS,
    STREAMS,
    AGENT_TOOLS,
)
"""All of it, the agents themselves first: they are the last to be forgotten."""
