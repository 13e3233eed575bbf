"""MCP servers that an agent is connected to: kept over restarts, told to its clients, called by its code."""

from agents_sdk.mcp.server import McpServer, McpState
from agents_sdk.mcp.servers import McpServers

__all__ = ["McpServer", "McpServers", "McpState"]
