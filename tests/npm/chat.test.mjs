// Chats by `WebSocketChatTransport`: turns, tabs, cancel, resume, clear, tools, regenerate, what fails.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { chat, chunks, deltas, some, textOf, user, words } from "./chats.mjs";
import { closed, count, frame, until } from "./clients.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

const SOON = { minReconnectionDelay: 50, maxReconnectionDelay: 100 };

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

describe("a turn", () => {
  it("streams its chunks, and is stored under the id that they begin with", async (t) => {
    const one = await chat(t, server);
    const found = await one.ask("hello world");
    const [{ messageId }] = found;
    assert.deepEqual(found, [
      { type: "start", messageId },
      { type: "start-step" },
      { type: "text-start", id: "t1" },
      ...["echo: ", "hello ", "world"].map((delta) => ({ type: "text-delta", id: "t1", delta })),
      { type: "text-end", id: "t1" },
      { type: "finish-step" },
      { type: "finish" },
    ]);
    const [asked, answered] = await one.stored();
    assert.equal(textOf(asked), "hello world");
    assert.deepEqual(answered, {
      id: messageId,
      role: "assistant",
      parts: [{ type: "step-start" }, { type: "text", text: "echo: hello world", state: "done" }],
    });
    assert.deepEqual(one.responses().map(({ seq }) => seq), [0, 1, 2, 3, 4, 5, 6, 7, 8, undefined]);
    assert.deepEqual(one.end().messageIds, [asked.id]);
    assert.equal(one.transcripts().length, 0);
  });

  it("gives the agent what else the client sends", async (t) => {
    const one = await chat(t, server);
    const clientTools = [{ name: "getLocation", description: "where", parameters: { type: "object" } }];
    await one.ask("hello", { body: { model: "m", deep: { er: [1] }, clientTools } });
    const [call] = await one.client.call("getBodies");
    assert.deepEqual(call.body, { model: "m", deep: { er: [1] } });
    assert.deepEqual(call.clientTools, clientTools);
    assert.equal(call.continuation, false);
    await one.ask("nothing else");
    assert.equal((await one.client.call("getBodies"))[1].body, null);
  });

  it("is seen by a second tab, which gets the transcript", async (t) => {
    const one = await chat(t, server);
    const two = await chat(t, server, { name: one.name });
    await one.ask("hello");
    const end = await until(() => two.end(), "the end on the second tab");
    assert.equal(deltas(two.responses().filter(({ body }) => body).map(({ body }) => JSON.parse(body))), "echo: hello");
    assert.equal(one.transcripts().length, 0);
    const last = two.transcripts().at(-1);
    assert.deepEqual(last.messages, await one.stored());
    assert.ok(two.client.frames.indexOf(last) < two.client.frames.indexOf(end), "the transcript comes before the end");
  });

  it("goes on when its client has left", async (t) => {
    const one = await chat(t, server);
    await some(await one.send("slow:20:20"), 5);
    one.client.close();
    const messages = await until(async () => (await one.stored())[1] && one.stored(), "the answer");
    assert.equal(textOf(messages[1]), words(20));
  });

  it("keeps a message of several megabytes whole", async (t) => {
    const one = await chat(t, server);
    const large = "ü".repeat(1_500_000);
    assert.equal(deltas(await one.ask(large)), `echo: ${large}`);
    const [asked, answered] = await one.stored();
    assert.equal(textOf(asked), large);
    assert.equal(textOf(answered), `echo: ${large}`);
  });

  it("may have reasoning, tools of the server, steps and data", async (t) => {
    const one = await chat(t, server);
    const found = await one.ask("llm weather?");
    assert.deepEqual(found.at(-1), { type: "finish", messageMetadata: { finishReason: "stop" } });
    const [, answered] = await one.stored();
    assert.deepEqual(answered.parts.map(({ type, state }) => [type, state]), [
      ["step-start", undefined],
      ["reasoning", "done"],
      ["text", "done"],
      ["tool-getWeather", "output-available"],
      ["step-start", undefined],
      ["text", "done"],
    ]);
    assert.deepEqual(answered.parts[3].output, { city: "Paris", temp: 21 });
    const data = await chat(t, server);
    await data.ask("data");
    const parts = (await data.stored())[1].parts.filter(({ type }) => type === "data-progress");
    assert.deepEqual(parts, [{ type: "data-progress", id: "d1", data: { pct: 100 } }]);
  });

  it("of plain text is a text part", async (t) => {
    const one = await chat(t, server);
    const found = await one.ask("plain");
    assert.deepEqual(found.map(({ type }) => type), ["text-start", "text-delta", "text-end"]);
    assert.equal(textOf((await one.stored())[1]), "plain text reply");
  });
});

describe("a turn that fails", () => {
  it("before it streams is answered all the same", async (t) => {
    const one = await chat(t, server);
    await assert.rejects(one.ask("throw"));
    const { error, done, body } = one.end();
    assert.deepEqual([error, done], [true, true]);
    assert.doesNotMatch(body, /Traceback|\.py/);
    assert.equal(deltas(await one.ask("hello")), "echo: hello");
  });

  it("in the middle keeps what was there", async (t) => {
    const one = await chat(t, server);
    await assert.rejects(one.ask("midfail"), /stream error: mid-stream failure/);
    await until(() => one.end()?.outcome === "error", "the end with outcome error");
    assert.equal(textOf((await one.stored())[1]), "partial");
  });

  it("with nothing to say ends", async (t) => {
    const one = await chat(t, server);
    await one.ask("none");
    assert.deepEqual([one.end().outcome, one.end().body], ["completed", "No response was generated by the agent."]);
  });
});

describe("cancel", () => {
  it("ends the turn, and keeps what was said", async (t) => {
    const one = await chat(t, server);
    const { rest } = await some(await one.send("slow:200:20"), 6);
    assert.ok(one.transport.cancelActiveServerTurn());
    await assert.rejects(rest, { name: "AbortError" });
    await until(() => one.end()?.outcome === "aborted", "the end with outcome aborted");
    const [, answered] = await one.stored();
    assert.match(textOf(answered), /^w0 w1 w2 /);
    assert.ok(textOf(answered).length < 200);
    assert.equal(answered.parts.at(-1).state, "done");
    assert.equal(deltas(await one.ask("again")), "echo: again");
  });

  it("of a turn that there is not says nothing", async (t) => {
    const one = await chat(t, server);
    one.client.send(JSON.stringify({ type: "cf_agent_chat_request_cancel", id: "nobody" }));
    await one.client.call("getTurnCount");
    assert.equal(one.responses().length, 0);
  });
});

describe("resume", () => {
  it("by a second connection shows all of the answer, without a gap", async (t) => {
    const one = await chat(t, server);
    const first = await some(await one.send("slow:40:20"), 10);
    const two = await chat(t, server, { name: one.name });
    const found = await chunks(await two.resume());
    await first.rest;
    assert.equal(deltas(found), words(40));
    const numbers = two.responses().filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
    assert.deepEqual(numbers, numbers.map((_, at) => at));
    assert.ok(two.responses().some(({ replayComplete }) => replayComplete));
    const order = two.client.frames.map(({ type }) => type);
    assert.ok(order.indexOf("cf_agent_stream_resuming") < order.indexOf("cf_agent_identity"));
  });

  it("after a drop gives the rest to the same client", async (t) => {
    const one = await chat(t, server, SOON);
    const first = await some(await one.send("slow:60:20"), 10);
    const close = closed(one.client);
    one.client.reconnect();
    await close;
    const stream = await one.resume();
    assert.equal(deltas(await chunks(stream)), words(60));
    await first.rest.catch(() => {});
  });

  it("of nothing is answered at once, with the id of the probe", async (t) => {
    const one = await chat(t, server);
    assert.equal(await one.resume(), null);
    const { reason, probeId } = await frame(one.client, "cf_agent_stream_resume_none");
    assert.equal(reason, "idle");
    assert.ok(probeId);
  });

  it("of a turn that has not begun to stream waits for it", async (t) => {
    const one = await chat(t, server);
    const first = await one.send("pre:400 slow:10:20");
    const two = await chat(t, server, { name: one.name });
    const found = await chunks(await two.resume());
    assert.equal(deltas(found), words(10));
    assert.ok(count(two.client, "cf_agent_stream_pending") >= 1);
    assert.equal(deltas(await chunks(first)), words(10));
  });

  it("of an answer shorter than the round trip loses nothing", async (t) => {
    for (let round = 0; round < 10; round++) {
      const one = await chat(t, server);
      const probe = one.resume();
      const found = await one.ask("a b");
      assert.equal(deltas(found), "echo: a b");
      await probe;
    }
  });

  it("of an answer that has long ended is ended", async (t) => {
    const one = await chat(t, server);
    one.client.send(JSON.stringify({ type: "cf_agent_stream_resume_ack", id: "long-ago" }));
    const end = await until(() => one.end(), "the end");
    assert.deepEqual([end.id, end.body, end.replay], ["long-ago", "", true]);
  });
});

describe("clear", () => {
  it("empties the chat, and tells the others", async (t) => {
    const one = await chat(t, server);
    const two = await chat(t, server, { name: one.name });
    await one.ask("to be cleared");
    one.client.send(JSON.stringify({ type: "cf_agent_chat_clear" }));
    await frame(two.client, "cf_agent_chat_clear");
    assert.deepEqual(await one.stored(), []);
    assert.equal(count(one.client, "cf_agent_chat_clear"), 0);
  });

  it("in the middle of an answer leaves nothing of it", async (t) => {
    const one = await chat(t, server);
    const two = await chat(t, server, { name: one.name });
    await some(await one.send("slow:100:20"), 6);
    one.client.send(JSON.stringify({ type: "cf_agent_chat_clear" }));
    await frame(two.client, "cf_agent_chat_clear");
    await until(() => one.end(), "the end of the turn");
    assert.deepEqual(await one.stored(), []);
    assert.equal(deltas(await one.ask("after")), "echo: after");
    assert.deepEqual((await one.stored()).map(textOf), ["after", "echo: after"]);
  });
});

describe("tools", () => {
  const answered = async (one, sent) => {
    one.client.send(JSON.stringify(sent));
    one.transport.expectToolContinuation();
    return chunks(await one.resume());
  };

  it("of the client are answered, and the answer goes on in the same message", async (t) => {
    const one = await chat(t, server);
    const two = await chat(t, server, { name: one.name });
    await one.ask("tool", { body: { key: 1 } });
    const found = await answered(one, { type: "cf_agent_tool_result", toolCallId: "call-1", toolName: "getLocation", output: { lat: 1 }, autoContinue: true });
    assert.equal(deltas(found), "echo: tool (continued)");
    const { message } = await frame(two.client, "cf_agent_message_updated");
    assert.deepEqual([message.parts[1].state, message.parts[1].output], ["output-available", { lat: 1 }]);
    const messages = await one.stored();
    assert.equal(messages.length, 2);
    assert.deepEqual(messages[1].parts.map(({ type }) => type), ["step-start", "tool-getLocation", "step-start", "text"]);
    const calls = await one.client.call("getBodies");
    assert.deepEqual(calls.map(({ continuation, body }) => [continuation, body]), [[false, { key: 1 }], [true, { key: 1 }]]);
    assert.ok(one.responses().filter(({ id }) => id === calls[1].requestId).every((one) => one.continuation));
  });

  it("of the client that failed do not go on by themselves", async (t) => {
    const one = await chat(t, server);
    await one.ask("tool");
    one.client.send(JSON.stringify({ type: "cf_agent_tool_result", toolCallId: "call-1", toolName: "getLocation", output: null, state: "output-error", errorText: "denied", autoContinue: false }));
    const { message } = await frame(one.client, "cf_agent_message_updated");
    assert.deepEqual([message.parts[1].state, message.parts[1].errorText], ["output-error", "denied"]);
    assert.equal(await one.client.call("getTurnCount"), 1);
  });

  for (const [approved, state] of [[true, "approval-responded"], [false, "output-denied"]]) {
    it(`that need approval wait for it: ${approved ? "yes" : "no"}`, async (t) => {
      const one = await chat(t, server);
      await one.ask("approve");
      assert.equal((await one.stored())[1].parts[1].state, "approval-requested");
      const found = await answered(one, { type: "cf_agent_tool_approval", toolCallId: "call-2", approved, autoContinue: true });
      assert.equal(deltas(found), "echo: approve (continued)");
      const [, message] = await one.stored();
      assert.equal(message.parts[1].state, state);
      assert.deepEqual(message.parts[1].approval, { id: "appr-1", approved });
      assert.equal(textOf(message), "echo: approve (continued)");
    });
  }

  it("that nobody called change nothing", async (t) => {
    const one = await chat(t, server);
    one.client.send(JSON.stringify({ type: "cf_agent_tool_result", toolCallId: "nope", toolName: "x", output: 1, autoContinue: true }));
    await one.client.call("getTurnCount");
    assert.equal(count(one.client, "cf_agent_message_updated"), 0);
  });
});

describe("regenerate", () => {
  it("takes the place of the answer", async (t) => {
    const one = await chat(t, server);
    await one.ask("again");
    const [asked, before] = await one.stored();
    const stream = await one.transport.sendMessages({ chatId: one.name, trigger: "regenerate-message", messages: [asked] });
    assert.equal(deltas(await chunks(stream)), "echo: again");
    const messages = await one.stored();
    assert.deepEqual(messages.map(({ role }) => role), ["user", "assistant"]);
    assert.notEqual(messages[1].id, before.id);
    assert.equal(await one.client.call("getTurnCount"), 2);
  });
});

describe("messages from the server and from clients", () => {
  it("the server speaks first: everybody sees it", async (t) => {
    const one = await chat(t, server);
    const result = await one.client.call("serverSay", ["from within"]);
    assert.equal(result.status, "completed");
    await until(() => one.end()?.id === result.requestId, "the end of the turn");
    assert.deepEqual(one.transcripts().at(-1).messages.map(textOf), ["from within", "echo: from within"]);
    assert.deepEqual((await one.stored()).map(textOf), ["from within", "echo: from within"]);
  });

  it("a client sets messages: they are stored, and no turn begins", async (t) => {
    const one = await chat(t, server);
    const two = await chat(t, server, { name: one.name });
    const message = user("only kept");
    one.client.send(JSON.stringify({ type: "cf_agent_chat_messages", messages: [message] }));
    await until(() => two.transcripts().length, "the transcript on the other tab");
    assert.deepEqual(two.transcripts().at(-1).messages, [message]);
    assert.deepEqual(await one.stored(), [message]);
    assert.equal(await one.client.call("getTurnCount"), 0);
    assert.equal(one.transcripts().length, 0);
  });

  it("a request that is none is dropped", async (t) => {
    const one = await chat(t, server);
    for (const init of [{ method: "POST" }, { method: "POST", body: "{" }, { method: "POST", body: "[]" }]) {
      one.client.send(JSON.stringify({ type: "cf_agent_use_chat_request", id: "bad", init }));
    }
    assert.equal(await one.client.call("getTurnCount"), 0);
    assert.equal(one.responses().length, 0);
  });
});

describe("turns that overlap", () => {
  const ends = (one) => one.responses().filter(({ done }) => done);

  it("wait for one another", async (t) => {
    const one = await chat(t, server);
    const [first, second] = [user("slow:10:20"), user("second")];
    const send = (messages) => one.transport.sendMessages({ chatId: one.name, trigger: "submit-message", messages });
    const streams = [await send([first]), await send([first, second])];
    const found = await Promise.all(streams.map(chunks));
    assert.deepEqual(found.map(deltas), [words(10), "echo: second"]);
    const ids = one.responses().map(({ id }) => id);
    assert.deepEqual([...new Set(ids)], [...new Set(ends(one).map(({ id }) => id))]);
    assert.equal(ids.lastIndexOf(ids[0]) + 1, ids.indexOf(ids.at(-1)), "their frames do not mix");
    assert.deepEqual((await one.stored()).map(textOf), ["slow:10:20", words(10), "second", "echo: second"]);
  });

  it("latest: only the last one that waits is answered", async (t) => {
    const one = await chat(t, server, { agent: "ChatLatest" });
    const messages = [];
    const send = (text) => {
      messages.push(user(text));
      return one.transport.sendMessages({ chatId: one.name, trigger: "submit-message", messages: [...messages] });
    };
    const first = await some(await send("slow:20:20"), 5);
    const [second, third] = [await send("second"), await send("third")];
    assert.equal(deltas(await chunks(second)), "");
    assert.equal(deltas(await chunks(third)), "echo: third");
    assert.equal(deltas(await first.rest), words(20));
    assert.deepEqual(ends(one).map(({ outcome }) => outcome), ["skipped", undefined, undefined]);
    assert.ok((await one.stored()).map(textOf).includes("second"), "its message stays");
  });

  it("drop: it is refused, and the client is set back", async (t) => {
    const one = await chat(t, server, { agent: "ChatDrop" });
    const message = user("slow:20:20");
    const send = (messages) => one.transport.sendMessages({ chatId: one.name, trigger: "submit-message", messages });
    const first = await some(await send([message]), 5);
    const second = await send([message, user("refused")]);
    assert.equal(deltas(await chunks(second)), "");
    const [transcript] = one.transcripts();
    assert.deepEqual(transcript.messages.filter(({ role }) => role === "user"), [message]);
    await first.rest;
    assert.deepEqual((await one.stored()).map(textOf), ["slow:20:20", words(20)]);
    assert.equal(ends(one)[0].outcome, "skipped");
  });

  it("keep so many messages, and no more", async (t) => {
    const one = await chat(t, server, { agent: "ChatDrop" });
    for (const text of ["one", "two", "three"]) await one.ask(text, { messages: await one.stored() });
    assert.deepEqual((await one.stored()).map(textOf), ["two", "echo: two", "three", "echo: three"]);
  });
});
