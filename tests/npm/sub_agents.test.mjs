// Sub-agents: reached behind their parent's URL, refused by it, deleted, and made anew.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { agentFetch } from "agents/client";

import { closed, connect, frame, fresh, until } from "./clients.mjs";
import { Server } from "./server.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("sub-agents", () => {
  it("are made by their parent, and are the same for a client", async (t) => {
    const parent = connect(t, server, "Parent", fresh());
    assert.equal(await parent.call("spawn", ["kid"]), `child kid of Parent:${parent.name} says hi parent`);
    const [listed] = await parent.call("kids");
    assert.deepEqual([listed.className, listed.name], ["Child", "kid"]);
    assert.ok(Math.abs(listed.createdAt - Date.now()) < 60_000);

    const seen = [];
    const onIdentity = (name, agent) => seen.push([name, agent]);
    const kid = connect(t, server, "Parent", parent.name, { path: "sub/child/kid", onIdentity });
    await kid.ready;
    assert.deepEqual(seen, [["kid", "child"]]);
    assert.deepEqual(kid.state, { n: 0 });
    assert.equal(await kid.call("bump"), 1);
    await until(() => kid.state.n === 1, "the new state");
    assert.deepEqual(await kid.call("self"), {
      name: "kid",
      parentPath: [{ className: "Parent", name: parent.name }],
      selfPath: [{ className: "Parent", name: parent.name }, { className: "Child", name: "kid" }],
    });
  });

  it("have decoded names, and see the path behind them", async (t) => {
    const parent = connect(t, server, "Parent", fresh());
    const kid = connect(t, server, "Parent", parent.name, { path: `sub/child/${encodeURIComponent("a/b ü")}` });
    assert.equal((await kid.call("self")).name, "a/b ü");
    const where = { agent: "Parent", name: parent.name, host: server.host, protocol: "http" };
    const answer = await agentFetch({ ...where, path: "sub/child/a%2Fb%20%C3%BC/deep/er" });
    assert.deepEqual(await answer.json(), { child: "a/b ü", path: "/deep/er" });
    assert.deepEqual((await parent.call("kids")).map((one) => one.name), ["a/b ü"]);
  });

  it("are refused: for good with a 4xx, else the client tries again", async (t) => {
    const parent = connect(t, server, "Parent", fresh());
    const refused = connect(t, server, "Parent", parent.name, { path: "sub/child/forbidden" });
    const error = await new Promise((resolve) => {
      refused.onConnectionError = resolve;
      refused.addEventListener("close", resolve);
    });
    assert.deepEqual([error.code, error.reason], [4404, "Sub-agent connection rejected (404)"]);
    const boom = connect(t, server, "Parent", parent.name, { path: "sub/child/boom" });
    const { code, reason } = await closed(boom);
    assert.deepEqual([code, reason], [1011, "Sub-agent connection rejected (500)"]);
    const answer = await fetch(`${server.url}/agents/parent/${parent.name}/sub/child/forbidden`);
    assert.deepEqual([answer.status, await answer.text()], [404, "not here"]);
    assert.deepEqual(await parent.call("kids"), []);
  });

  it("are deleted under their client, which makes a new one", async (t) => {
    const parent = connect(t, server, "Parent", fresh());
    const options = { path: "sub/child/kid", minReconnectionDelay: 50, maxReconnectionDelay: 50 };
    const kid = connect(t, server, "Parent", parent.name, options);
    assert.equal(await kid.call("bump"), 1);
    const gone = closed(kid);
    assert.equal(await parent.call("drop", ["kid"]), true);
    const { code, reason } = await gone;
    assert.deepEqual([code, reason], [1001, "Sub-agent deleted"]);
    kid.frames.length = 0;
    await frame(kid, "cf_agent_identity");
    assert.equal(await kid.call("bump"), 1);
  });
});
