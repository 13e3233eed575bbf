// SIGKILL: what the server has acknowledged is there when it is started again, and clients come back.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { closed, connect, fresh, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

const SOON = { minReconnectionDelay: 50, maxReconnectionDelay: 100, connectionTimeout: 2_000 };

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("after a SIGKILL", () => {
  it("the state is what was acknowledged, and clients come back by themselves", async (t) => {
    const client = connect(t, server, "Counter", fresh(), SOON);
    await client.ready;
    assert.deepEqual(await client.call("setCount", [42]), { count: 42 });
    const close = closed(client);
    await server.kill();
    await close;
    const waiting = client.call("increment", [1]); // of a client without a connection: it is sent later
    await server.again();
    assert.equal(await waiting, 43);
    assert.deepEqual(client.state, { count: 43 });
  });

  it("schedules that were due meanwhile run once, and intervals go on", async (t) => {
    const client = connect(t, server, "Sched", fresh(), SOON);
    const times = (log, payload) => log.filter(({ v }) => JSON.parse(v).payload === payload).map(({ t }) => t);
    const once = await client.call("sched", [1, "tick", "once"]);
    assert.equal(once.type, "delayed");
    const later = await client.call("sched", [600, "tick", "later"]);
    const every = await client.call("every", [1, "tick", "every"]);
    assert.deepEqual(await client.call("every", [1, "tick", "every"]), every);
    assert.equal(every.intervalSeconds, 1);
    await server.kill();
    await sleep(1_500);
    const up = Date.now();
    await server.again();
    const log = await until(async () => {
      const rows = await client.call("getLog");
      return times(rows, "once").length && times(rows, "every").length >= 2 && rows;
    }, "the schedules");
    assert.equal(times(log, "once").length, 1);
    assert.ok(times(log, "once")[0] >= up, "it ran when the server was up again");
    assert.deepEqual(times(log, "later"), []);
    assert.ok(later.time * 1000 > up);
  });

  it("what was queued is called in its order", async (t) => {
    const client = connect(t, server, "Sched", fresh(), SOON);
    await client.ready;
    const payloads = Array.from({ length: 30 }, (_, i) => `item ${i}`);
    const ids = await Promise.all(payloads.map((payload) => client.call("q", ["tick", payload])));
    assert.equal(new Set(ids).size, 30);
    await server.kill();
    await server.again();
    const log = await until(async () => {
      const rows = await client.call("getLog");
      return rows.some(({ v }) => JSON.parse(v).payload === "item 29") && rows;
    }, "the last item");
    const called = [...new Set(log.map(({ v }) => JSON.parse(v).payload))]; // the one that the kill cut off comes twice
    assert.deepEqual(called, payloads);
  });

  it("a client that does not reconnect itself finds the same agent", async (t) => {
    const name = fresh();
    const first = connect(t, server, "Counter", name);
    assert.equal(await first.call("increment", [5]), 5);
    first.close();
    await server.kill();
    await server.again();
    const second = connect(t, server, "Counter", name);
    await second.ready;
    assert.deepEqual(second.state, { count: 5 });
  });
});

describe("a stop", () => {
  it("closes with 1012, and clients come back", async (t) => {
    const client = connect(t, server, "Counter", fresh(), SOON);
    assert.equal(await client.call("increment", [1]), 1);
    const close = closed(client);
    await server.stopped();
    assert.equal((await close).code, 1012);
    await server.again();
    await client.ready;
    assert.deepEqual(client.state, { count: 1 });
  });
});
