// Drops: which closes a client comes back from, and what it finds.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { closed, connect, count, fresh, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

const SOON = { minReconnectionDelay: 50, maxReconnectionDelay: 100 };

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("a client comes back", () => {
  for (const code of [1000, 1001, 1011, 1012, 3000]) {
    it(`after a close with ${code}`, async (t) => {
      const client = connect(t, server, "Plain", fresh(), SOON);
      await client.ready;
      const id = new URL(client.url).searchParams.get("_pk");
      const close = closed(client);
      client.call("closeMe", [code, "for a test"]).catch(() => {});
      assert.equal((await close).code, code);
      await client.ready;
      assert.equal(await client.call("ping"), "pong");
      assert.equal(new URL(client.url).searchParams.get("_pk"), id);
      assert.equal(client.connectionError, null);
      assert.equal(await client.call("connCount"), 1);
    });
  }

  it("and is told the state anew", async (t) => {
    const name = fresh();
    const [a, b] = [connect(t, server, "Counter", name, SOON), connect(t, server, "Counter", name)];
    await Promise.all([a.ready, b.ready]);
    const close = closed(a);
    a.reconnect();
    await close;
    await b.call("setCount", [8]);
    await a.ready;
    await until(() => a.state.count === 8, "the state that changed meanwhile");
    assert.equal(count(a, "cf_agent_identity"), 2);
  });

  it("and its waiting call is sent then", async (t) => {
    const client = connect(t, server, "Plain", fresh(), SOON);
    await client.ready;
    const close = closed(client);
    const sent = client.call("closeMe", [1012, "restart"]);
    sent.catch(() => {});
    await close;
    assert.equal(await client.call("ping"), "pong");
  });
});

describe("a client stays away", () => {
  for (const code of [1008, 4000, 4401, 4999]) {
    it(`after a close with ${code}`, async (t) => {
      const errors = [];
      const client = connect(t, server, "Plain", fresh(), { ...SOON, onConnectionError: (error) => errors.push(error) });
      await client.ready;
      const pending = client.call("closeMe", [code, "no more"]);
      pending.catch(() => {});
      await until(() => errors.length, "the error of the connection");
      assert.deepEqual([errors[0].code, errors[0].reason], [code, "no more"]);
      await sleep(300);
      assert.equal(count(client, "cf_agent_identity"), 1);
      await assert.rejects(client.call("ping"), /Connection closed/);
    });
  }

  it("when the upgrade is refused, after its retries", async (t) => {
    const errors = [];
    const options = { ...SOON, maxRetries: 1, query: { token: "bad" }, onConnectionError: (error) => errors.push(error) };
    connect(t, server, "Counter", fresh(), options);
    await until(() => errors.length, "the error of the connection");
    assert.equal(errors.length, 1);
  });
});
