// MCP servers: every client hears which there are, and what has become of them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe } from "node:test";

import { connect, fresh, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

// A server with one tool, as small as the protocol allows.
async function tools(t) {
  const results = {
    initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "t", version: "1" } },
    "tools/list": { tools: [{ name: "add", inputSchema: { type: "object" } }] },
  };
  const listener = createServer(async (request, response) => {
    const { id, method } = JSON.parse(Buffer.concat(await request.toArray()).toString() || "{}");
    if (id === undefined) return response.writeHead(202).end();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] }));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  t.after(() => listener.close());
  return `http://127.0.0.1:${listener.address().port}/mcp`;
}

const told = (client) => client.frames.findLast((one) => one.type === "cf_agent_mcp_servers").mcp;

describe("MCP servers", () => {
  it("are told on connect and on every change, with their tools", async (t) => {
    const name = fresh();
    const a = connect(t, server, "Plain", name);
    await a.ready;
    const { id } = await a.call("addMcp", ["sums", await tools(t)]);
    await until(() => told(a).servers[id]?.state === "ready", "the state ready");
    assert.deepEqual(told(a).tools, [{ name: "add", inputSchema: { type: "object" }, serverId: id }]);
    const b = connect(t, server, "Plain", name);
    await b.ready;
    await until(() => b.frames.length === 2, "the MCP servers on another client");
    assert.deepEqual(told(b), told(a));
    assert.deepEqual(await b.call("getMcp"), told(a));
    await a.call("rmMcp", [id]);
    await until(() => !Object.keys(told(b).servers).length, "the removal");
  });

  it("stay as failed, when they cannot be reached", async (t) => {
    const client = connect(t, server, "Plain", fresh());
    await client.ready;
    await assert.rejects(client.call("addMcp", ["bad", "http://127.0.0.1:9/mcp"]), /cannot be used/);
    const [[, entry]] = Object.entries((await client.call("getMcp")).servers);
    assert.deepEqual([entry.name, entry.server_url, entry.state, entry.auth_url], ["bad", "http://127.0.0.1:9/mcp", "failed", null]);
    assert.ok(entry.error);
  });
});
