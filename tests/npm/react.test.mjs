// `useAgent`, in a page of jsdom.

import assert from "node:assert/strict";
import { after, afterEach, before, describe } from "node:test";

import { connect, fresh, until } from "./clients.mjs";
import { open } from "./page.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
let library;
let useAgent;

before(async () => {
  server = await Server.start();
  open(server);
  library = await import("@testing-library/react");
  ({ useAgent } = await import("agents/react"));
});
afterEach(() => library.cleanup());
after(() => server.stop());

// The hook, as it is after each rendering.
function used(options) {
  return library.renderHook((given) => useAgent({ host: server.host, ...given }), { initialProps: options }).result;
}

const within = (work) => library.act(work);
const shown = (look, what) => library.act(() => until(look, what));

describe("useAgent", () => {
  it("is identified, and has the state", async () => {
    const agent = used({ agent: "Counter", name: fresh() });
    await shown(() => agent.current.identified && agent.current.state, "the state");
    assert.deepEqual(agent.current.state, { count: 0 });
    assert.equal(agent.current.agent, "counter");
    await within(() => agent.current.ready);
  });

  it("shows a new state, its own and that of others", async (t) => {
    const name = fresh();
    const agent = used({ agent: "Counter", name });
    const other = connect(t, server, "Counter", name);
    await shown(() => agent.current.state, "the state");
    await within(() => agent.current.setState({ count: 2 }));
    assert.deepEqual(agent.current.state, { count: 2 });
    await until(() => other.state?.count === 2, "the state on another client");
    other.setState({ count: 3 });
    await shown(() => agent.current.state.count === 3, "the state of another client");
  });

  it("calls, streams, and hears errors", async () => {
    const agent = used({ agent: "Counter", name: fresh() });
    const chunks = [];
    await within(async () => {
      assert.equal(await agent.current.call("add", [2, 3]), 5);
      assert.equal(await agent.current.stub.add(2, 4), 6);
      await assert.rejects(agent.current.call("fail", ["kaput"]), { message: "kaput" });
      const options = { stream: { onChunk: (chunk) => chunks.push(chunk) } };
      assert.equal(await agent.current.call("countdown", [2], options), "liftoff");
    });
    assert.deepEqual(chunks, [2, 1]);
    await shown(() => agent.current.state?.count === 0, "the state");
  });

  it("learns which MCP servers there are", async () => {
    const seen = [];
    const agent = used({ agent: "Plain", name: fresh(), onMcpUpdate: (servers) => seen.push(servers) });
    await shown(() => seen.length && agent.current.identified, "the MCP servers");
    assert.deepEqual(seen[0], { prompts: [], resources: [], servers: {}, tools: [] });
  });

  it("asks for a query when it connects", async () => {
    const errors = [];
    const name = fresh();
    function Page() {
      const agent = useAgent({
        agent: "Counter",
        name,
        host: server.host,
        query: async () => ({ readonly: "1" }),
        onStateUpdateError: (error) => errors.push(error),
      });
      Page.agent = agent;
      return null;
    }
    const { createElement, Suspense } = await import("react");
    await within(() => library.render(createElement(Suspense, { fallback: null }, createElement(Page))));
    await shown(() => Page.agent?.state, "the state");
    await within(() => Page.agent.setState({ count: 2 }));
    await shown(() => errors.length, "the refusal");
    assert.deepEqual(errors, ["Connection is readonly"]);
  });

  it("goes to another instance, when it is rendered with another name", async () => {
    const [one, two] = [fresh(), fresh()];
    const options = (name) => ({ agent: "Counter", name, host: server.host });
    const { result, rerender } = library.renderHook((given) => useAgent(given), { initialProps: options(one) });
    await shown(() => result.current.state, "the state");
    await within(() => result.current.call("setCount", [5]));
    rerender(options(two));
    await shown(() => result.current.identified && result.current.name === two && result.current.state?.count === 0, "the other");
  });

  it("says that it was turned away for good", async () => {
    const errors = [];
    const agent = used({ agent: "Plain", name: fresh(), onConnectionError: (error) => errors.push(error) });
    await shown(() => agent.current.identified, "the identity");
    await within(async () => {
      agent.current.call("closeMe", [4403, "not for you"]).catch(() => {});
      await until(() => errors.length, "the error of the connection");
    });
    assert.deepEqual([errors[0].code, errors[0].reason], [4403, "not for you"]);
    assert.equal(agent.current.connectionError.code, 4403);
  });
});
