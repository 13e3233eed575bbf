// Connect: who answers, under which name, over which path, and who is refused.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { agentFetch } from "agents/client";
import WS from "ws";

import { connect, count, frame, fresh, raw, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("connect", () => {
  it("tells the identity, the state and the MCP servers, in this order", async (t) => {
    const client = connect(t, server, "Counter", fresh());
    await client.ready;
    assert.deepEqual(client.state, { count: 0 });
    await frame(client, "cf_agent_mcp_servers");
    assert.deepEqual(client.frames, [
      { type: "cf_agent_identity", name: client.name, agent: "counter", stateFollows: true },
      { type: "cf_agent_state", state: { count: 0 } },
      { type: "cf_agent_mcp_servers", mcp: { prompts: [], resources: [], servers: {}, tools: [] } },
    ]);
  });

  it("is ready without a state, where there is none", async (t) => {
    const client = connect(t, server, "Plain", fresh());
    await client.ready;
    assert.equal(client.state, undefined);
    assert.equal(await client.call("ping"), "pong");
    assert.equal(count(client, "cf_agent_state"), 0);
  });

  it("is told the name of the class, where the binding has another one", async (t) => {
    const client = connect(t, server, "MY_UPPER", fresh());
    await client.ready;
    assert.equal(client.agent, "upper");
    assert.equal(await client.call("ping"), "pong-upper");
  });

  it("goes by basePath to the instance that the server picks", async (t) => {
    const seen = [];
    const onIdentity = (name, agent) => seen.push([name, agent]);
    const client = connect(t, server, "Counter", "ignored", { basePath: "custom-path", onIdentity });
    await client.ready;
    assert.deepEqual(seen, [["server-picked", "counter"]]);
    assert.equal(await client.call("add", [1, 2]), 3);
  });

  it("keeps the connection id of the client, and shows the agent its query and path", async (t) => {
    const name = fresh();
    const id = "the-id-of-this-client";
    const client = connect(t, server, "Counter", name, { id, query: { readonly: "1" }, path: "some/where" });
    await client.ready;
    const other = connect(t, server, "Counter", name, { id });
    await other.ready;
    other.setState({ count: 5 }); // its own id is left out, on both sockets
    await other.call("nothing");
    await assert.rejects(client.call("setReadonlyState"), /Connection is readonly/);
    assert.deepEqual(client.state, { count: 0 });
  });

  it("gets no frames of the protocol, when the agent says so, but answers", async (t) => {
    const client = connect(t, server, "Counter", fresh(), { query: { proto: "0" } });
    assert.equal(await client.call("add", [1, 2]), 3);
    await client.call("setCount", [4]);
    assert.deepEqual([...new Set(client.frames.map((one) => one.type))], ["rpc"]);
  });

  it("sends what was asked before the socket opened", async (t) => {
    const client = connect(t, server, "Counter", fresh());
    client.send("early");
    const sum = client.call("add", [20, 3]);
    client.setState({ count: 7 });
    assert.equal(await sum, 23);
    await until(() => client.frames.includes("echo:early"), "the echo of an early message");
    const other = connect(t, server, "Counter", client.name);
    await other.ready;
    assert.deepEqual(other.state, { count: 7 });
  });

  it("hands to the agent what is no frame, and gives bytes back as they came", async (t) => {
    const one = await raw(t, server, `/agents/counter/${fresh()}`);
    for (const text of ["{bad json", "[]", '{"type":"rpc","id":5,"method":"add","args":[1]}', '{"type":"cf_agent_state"}']) {
      one.send(text);
      await until(() => one.frames.includes(`echo:${text}`), `the echo of ${text}`);
    }
    one.send(Buffer.from([1, 2, 3]));
    const bytes = await until(() => one.frames.find(Buffer.isBuffer), "bytes");
    assert.deepEqual([...bytes], [1, 2, 3]);
  });

  it("takes two sockets of one id, and one of none", async (t) => {
    const path = `/agents/counter/${fresh()}`;
    const [a, b, c] = [await raw(t, server, `${path}?_pk=same`), await raw(t, server, `${path}?_pk=same`), await raw(t, server, path)];
    await Promise.all([a, b, c].map((one) => frame(one, "cf_agent_mcp_servers")));
    a.send({ type: "cf_agent_state", state: { count: 2 } });
    await until(() => count(c, "cf_agent_state") === 2, "the state on the third socket");
    c.send({ type: "cf_agent_state", state: { count: 3 } });
    await until(() => count(a, "cf_agent_state") === 2 && count(b, "cf_agent_state") === 2, "the state on both");
    assert.equal(count(c, "cf_agent_state"), 2);
  });
});

describe("names", () => {
  for (const name of ["user@x y", "a%2Fb", "ünï", "with.dot", "UPPER", "a+b", "emoji-🦀", "x".repeat(300), "__proto__"]) {
    it(`serves an agent named ${name.slice(0, 20)}`, async (t) => {
      const client = connect(t, server, "Counter", name);
      await client.ready;
      assert.equal(client.name, new URL(`http://x/${name}`).pathname.slice(1));
      await client.call("setCount", [1]);
      const answer = await agentFetch({ agent: "Counter", name, host: server.host, protocol: "http" });
      assert.equal((await answer.json()).name, client.name);
    });
  }
});

describe("HTTP", () => {
  const get = (path, init) => fetch(`${server.url}${path}`, init);

  it("answers agentFetch, with method and path", async () => {
    const where = { agent: "Counter", name: "h", host: server.host, path: "deep/er", protocol: "http" };
    const answer = await agentFetch(where, { method: "PUT", body: "x" });
    assert.deepEqual(await answer.json(), { agent: "Counter", name: "h", method: "PUT", path: "/agents/counter/h/deep/er" });
  });

  it("says what is not there", async () => {
    for (const [path, status, text] of [
      ["/agents/plain/a", 404, "Not implemented"],
      ["/agents/nope/a", 400, "Invalid request"],
      ["/agents/Counter/a", 400, "Invalid request"],
      ["/agents/counter", 404, null],
      ["/agents/counter/", 404, null],
      ["/elsewhere", 404, null],
    ]) {
      const answer = await get(path);
      assert.equal(answer.status, status, path);
      if (text !== null) assert.equal(await answer.text(), text, path);
    }
    assert.equal((await get("/agents//counter/a")).status, 200);
  });

  it("opens answers to other pages, and answers OPTIONS itself", async () => {
    const asked = await get("/agents/counter/a", { method: "OPTIONS" });
    assert.equal(asked.status, 200);
    assert.equal(await asked.text(), "");
    for (const answer of [asked, await get("/agents/plain/a")]) {
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
      assert.equal(answer.headers.get("access-control-allow-methods"), "GET, POST, HEAD, OPTIONS");
      assert.equal(answer.headers.get("access-control-allow-headers"), "*");
      assert.equal(answer.headers.get("access-control-max-age"), "86400");
    }
    assert.equal((await get("/agents/nope/a")).headers.get("access-control-allow-origin"), null);
  });

  it("refuses a bad token, also for upgrades", async (t) => {
    const answer = await get("/agents/counter/a?token=bad");
    assert.equal(answer.status, 401);
    assert.equal(await answer.text(), "Unauthorized");
    const socket = new WS(`ws://${server.host}/agents/counter/a?token=bad`);
    t.after(() => socket.terminate());
    const status = await new Promise((resolve) => socket.on("error", () => {}).on("unexpected-response", (_, one) => resolve(one.statusCode)));
    assert.equal(status, 401);
  });
});

describe("hooks that raise", () => {
  it("answer 500 without a trace", async () => {
    for (const name of ["req-1", "req-1-swallow", "start-1"]) {
      const answer = await fetch(`${server.url}/agents/thrower/${name}`);
      assert.equal(answer.status, 500, name);
      assert.doesNotMatch(await answer.text(), /secret|Traceback|\.py/);
    }
  });

  it("keep the socket, when it was on_message", async (t) => {
    const one = await raw(t, server, `/agents/thrower/${fresh("fine")}`);
    one.send("boom");
    one.send("still there");
    await until(() => one.frames.includes("ok:still there"), "an answer after an error");
    assert.ok(one.frames.includes("hi"));
    assert.doesNotMatch(JSON.stringify(one.frames), /secret/);
  });

  it("close the socket with 1011, when it was on_start or on_connect", async (t) => {
    for (const name of ["start-2", "conn-2"]) {
      const one = await raw(t, server, `/agents/thrower/${name}`);
      const { code, reason } = await one.closed;
      assert.deepEqual([code, reason], [1011, "Uncaught exception during session setup"]);
      assert.doesNotMatch(JSON.stringify(one.frames), /secret/);
    }
  });
});
