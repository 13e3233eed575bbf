// State: from the client, from the server, across clients, refused, readonly.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { connect, count, fresh, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("state", () => {
  it("goes from one client to the others, and not back", async (t) => {
    const [name, seen] = [fresh(), []];
    const a = connect(t, server, "Counter", name, { onStateUpdate: (state, source) => seen.push([source, state]) });
    const b = connect(t, server, "Counter", name);
    await Promise.all([a.ready, b.ready]);
    a.setState({ count: 3 });
    await until(() => b.state?.count === 3, "the state on the other client");
    b.setState({ count: 4 });
    await until(() => a.state?.count === 4, "the state on the first client");
    assert.deepEqual(seen, [["server", { count: 0 }], ["client", { count: 3 }], ["server", { count: 4 }]]);
  });

  it("comes from the server to all, before the reply of the call that changed it", async (t) => {
    const name = fresh();
    const a = connect(t, server, "Counter", name);
    const b = connect(t, server, "Counter", name);
    await Promise.all([a.ready, b.ready]);
    assert.deepEqual(await a.call("setCount", [42]), { count: 42 });
    assert.deepEqual(a.state, { count: 42 });
    const types = a.frames.map((one) => one.type).filter((type) => type !== "cf_agent_mcp_servers");
    assert.deepEqual(types.slice(-2), ["cf_agent_state", "rpc"]);
    await until(() => b.state.count === 42, "the state on the other client");
    assert.equal(await a.call("increment", [2]), 44);
    assert.deepEqual(a.state, { count: 44 });
  });

  it("may be any JSON", async (t) => {
    const name = fresh();
    const a = connect(t, server, "Counter", name);
    await a.ready;
    for (const state of [null, "a text", 0, [1, [2]], { count: 1, extra: { deep: [1, "ü"] } }]) {
      a.setState(state);
      await a.call("nothing");
      const b = connect(t, server, "Counter", name);
      await b.ready;
      assert.deepEqual(b.state, state);
    }
  });

  it("that the agent refuses is refused without a reason, and reaches nobody", async (t) => {
    const [name, errors] = [fresh(), []];
    const a = connect(t, server, "Counter", name, { onStateUpdateError: (error) => errors.push(error) });
    const b = connect(t, server, "Counter", name);
    await Promise.all([a.ready, b.ready]);
    a.setState({ count: -1 });
    await until(() => errors.length, "the refusal");
    assert.deepEqual(errors, ["State update rejected"]);
    assert.equal(await b.call("add", [1, 2]), 3);
    assert.equal(count(b, "cf_agent_state"), 1);
    await assert.rejects(a.call("setCount", [-1]), /count must not be negative/);
  });

  it("is not changed by a readonly client, neither itself nor by its calls", async (t) => {
    const [name, errors] = [fresh(), []];
    const options = { query: { readonly: "1" }, onStateUpdateError: (error) => errors.push(error) };
    const ro = connect(t, server, "Counter", name, options);
    const rw = connect(t, server, "Counter", name);
    await Promise.all([ro.ready, rw.ready]);
    ro.setState({ count: 9 });
    await until(() => errors.length, "the refusal");
    assert.deepEqual(errors, ["Connection is readonly"]);
    assert.equal(await ro.call("add", [1, 2]), 3);
    await assert.rejects(ro.call("setReadonlyState"), { message: "Connection is readonly" });
    assert.equal(await rw.call("setReadonlyState"), "changed");
    await until(() => ro.state.count === 99, "the state of another on the readonly client");
  });

  it("of many changes at once is the last one, on every client", async (t) => {
    const name = fresh();
    const clients = Array.from({ length: 4 }, () => connect(t, server, "Counter", name));
    await Promise.all(clients.map((one) => one.ready));
    for (let round = 1; round <= 50; round++) clients[0].setState({ count: round });
    await until(() => clients.slice(1).every((one) => one.state.count === 50), "the last state");
    for (const one of clients.slice(1)) assert.equal(count(one, "cf_agent_state"), 51);
  });
});
