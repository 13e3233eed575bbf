// Calls: their results, their errors, and those that stream.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { connect, fresh, raw, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
let shared;
before(async () => (server = await Server.start()));
after(() => server.stop());

const counter = async (t) => {
  const client = connect(t, server, "Counter", (shared ??= fresh()));
  await client.ready;
  return client;
};

describe("calls", () => {
  it("give what the method returned", async (t) => {
    const client = await counter(t);
    assert.equal(await client.call("add", [2, 3]), 5);
    assert.equal(await client.stub.add(20, 3), 23);
    assert.equal(await client.call("add", [1, 2, 3]), 3);
    assert.equal(await client.call("add", [1]), null);
    const value = { a: [1, null, "x"], b: { c: true }, ü: "🦀", big: 2 ** 53, tiny: 1e-300 };
    assert.deepEqual(await client.call("echo", [value]), value);
    assert.equal(await client.call("echo", [null]), null);
  });

  it("give no result at all, where the method has none", async (t) => {
    const client = await counter(t);
    assert.equal(await client.call("nothing"), undefined);
    const reply = client.frames.findLast((one) => one.type === "rpc");
    assert.deepEqual(Object.keys(reply).sort(), ["done", "id", "success", "type"]);
  });

  it("fail with the message of the error", async (t) => {
    const client = await counter(t);
    await assert.rejects(client.call("fail", ["kaput"]), { message: "kaput" });
    await assert.rejects(client.call("failType"), { message: "Unknown error occurred" });
    await assert.rejects(client.call("bigint"), /serialize/);
    assert.equal(await client.call("add", [1, 1]), 2);
  });

  it("reach marked methods only", async (t) => {
    const client = await counter(t);
    for (const name of ["nope", "__proto__", "initialState", "state", "env"]) {
      await assert.rejects(client.call(name), { message: `Method ${name} does not exist` });
    }
    for (const name of ["notCallable", "setState", "destroy", "constructor", "onStart", "schedule"]) {
      await assert.rejects(client.call(name), { message: `Method ${name} is not callable` });
    }
  });

  it("run side by side, and are answered as they end", async (t) => {
    const client = await counter(t);
    const ended = [];
    const call = (ms) => client.call("slow", [ms]).then(() => ended.push(ms));
    await Promise.all([call(400), call(200), call(10)]);
    assert.deepEqual(ended, [10, 200, 400]);
  });

  it("are each answered, when an id comes twice", async (t) => {
    const one = await raw(t, server, `/agents/counter/${fresh()}`);
    one.send({ type: "rpc", id: "dup", method: "add", args: [1, 2] });
    one.send({ type: "rpc", id: "dup", method: "add", args: [3, 4] });
    const results = () => one.frames.filter((frame) => frame.id === "dup").map((frame) => frame.result);
    await until(() => results().length === 2, "both answers");
    assert.deepEqual(results(), [3, 7]);
  });

  it("go by the hundred", async (t) => {
    const client = await counter(t);
    const sums = await Promise.all(Array.from({ length: 300 }, (_, i) => client.call("add", [i, 1])));
    assert.deepEqual(sums, Array.from({ length: 300 }, (_, i) => i + 1));
  });

  it("broadcast to every client", async (t) => {
    const name = fresh();
    const clients = [connect(t, server, "Plain", name), connect(t, server, "Plain", name)];
    await Promise.all(clients.map((one) => one.ready));
    assert.equal(await clients[0].call("connCount"), 2);
    await clients[0].call("broadcastHello");
    await until(() => clients.every((one) => one.frames.includes("hello all")), "the broadcast");
  });
});

describe("streaming calls", () => {
  const stream = async (t, method, args = []) => {
    const client = await counter(t);
    const seen = { chunks: [], done: [], errors: [] };
    const options = {
      onChunk: (chunk) => seen.chunks.push(chunk),
      onDone: (value) => seen.done.push(value),
      onError: (error) => seen.errors.push(error),
    };
    const result = await client.call(method, args, { stream: options }).catch((error) => error);
    return { ...seen, result };
  };

  it("send chunks, then the last value", async (t) => {
    const { chunks, done, errors, result } = await stream(t, "countdown", [3]);
    assert.deepEqual([chunks, done, errors, result], [[3, 2, 1], ["liftoff"], [], "liftoff"]);
  });

  it("end, when the method forgets to", async (t) => {
    const { chunks, done, result } = await stream(t, "streamNoEnd", [2]);
    assert.deepEqual([chunks, done, result], [[{ i: 0 }, { i: 1 }], [undefined], undefined]);
  });

  it("fail after what was sent", async (t) => {
    for (const [method, message] of [["streamThrow", "stream broke"], ["streamError", "explicit stream error"]]) {
      const { chunks, done, errors, result } = await stream(t, method);
      assert.deepEqual([chunks, done, errors, result.message], [["one"], [], [message], message]);
    }
  });
});
