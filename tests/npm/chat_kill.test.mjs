// SIGKILL in the middle of an answer: it is there in the end, once, and the clients that came back see it.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { chat, chunks, deltas, some, textOf, words } from "./chats.mjs";
import { closed, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

const SOON = { minReconnectionDelay: 50, maxReconnectionDelay: 100, connectionTimeout: 2_000 };

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("after a SIGKILL in the middle of an answer", () => {
  it("the same client gets all of it, and no word twice", async (t) => {
    const one = await chat(t, server, SOON);
    const first = await some(await one.send("slow:60:20"), 25);
    const close = closed(one.client);
    await server.kill();
    await close;
    await server.again();
    await one.client.ready;
    await first.rest.catch(() => {});
    const stream = await one.resume();
    if (stream) await chunks(stream).catch(() => {});
    const messages = await until(async () => {
      const found = await one.stored();
      return found.length === 2 && textOf(found[1]) === words(60) && found;
    }, "the whole answer");
    assert.deepEqual(messages.map(({ role }) => role), ["user", "assistant"]);
    assert.ok(messages[1].parts.filter(({ type }) => type === "text").every(({ state }) => state === "done"));
    await until(() => one.transcripts().length || one.end(), "the end on the client");
  });

  it("another client that comes later gets all of it", async (t) => {
    const one = await chat(t, server);
    await some(await one.send("slow:60:20"), 10);
    one.client.close();
    await server.kill();
    await server.again();
    const two = await chat(t, server, { name: one.name });
    const stream = await two.resume();
    const text = () => until(async () => textOf((await two.stored()).at(-1)) === words(60), "the whole answer");
    if (stream) assert.equal(deltas(await chunks(stream)).slice(-4), "w59 ");
    await text();
  });

  it("a question that was not answered yet is answered", async (t) => {
    const one = await chat(t, server, SOON);
    await one.send("pre:500 hello");
    await until(async () => (await one.stored()).length === 1, "the question");
    await server.kill();
    await server.again();
    const messages = await until(async () => (await one.stored())[1] && one.stored(), "the answer");
    assert.deepEqual(messages.map(textOf), ["pre:500 hello", "echo: pre:500 hello"]);
  });

  it("what was finished stays as it was", async (t) => {
    const one = await chat(t, server, SOON);
    await one.ask("kept");
    const messages = await one.stored();
    await server.kill();
    await server.again();
    assert.deepEqual(await one.stored(), messages);
    await one.client.ready;
    assert.equal(await one.client.call("getTurnCount"), 0);
  });
});
