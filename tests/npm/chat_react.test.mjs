// `useAgentChat`, as a page of React uses it.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { stored, textOf, words } from "./chats.mjs";
import { fresh, until } from "./clients.mjs";
import { pages, sockets } from "./page.mjs";
import { Server } from "./server.mjs";
import { it } from "./timed.mjs";

let server;
let hooks;

before(async () => {
  server = await Server.start();
  hooks = await pages(server);
});
after(() => server.stop());

// A page with a chat; `.chat` is what the hook gave at the last rendering.
async function page(t, { agent = "ChatEcho", name = fresh("page"), away = 50, ...options } = {}) {
  const one = { name, kebab: agent };
  function Chat() {
    one.agent = hooks.useAgent({ agent, name, host: server.host, minReconnectionDelay: away, maxReconnectionDelay: away });
    one.chat = hooks.useAgentChat({ agent: one.agent, ...options });
    return null;
  }
  one.leave = hooks.mount(t, Chat);
  one.texts = () => one.chat.messages.map(textOf);
  one.say = (text, more) => one.chat.sendMessage({ text }, more);
  one.stored = () => stored(server, agent, name);
  one.idle = () => until(() => one.chat.status === "ready" && !one.chat.isStreaming, "the end of the answer");
  one.shows = (...texts) => until(() => JSON.stringify(one.texts()) === JSON.stringify(texts), `${texts}, not ${one.texts()}`);
  await until(() => one.chat && one.agent.identified, "the chat");
  await new Promise((resolve) => setTimeout(resolve, 50)); // the probe that is sent when it mounts is answered
  return one;
}

describe("useAgentChat", () => {
  it("sends, streams, and keeps what the server keeps", async (t) => {
    const one = await page(t);
    await one.say("hello world");
    await one.shows("hello world", "echo: hello world");
    await one.idle();
    assert.deepEqual(one.chat.messages.map(({ id }) => id), (await one.stored()).map(({ id }) => id));
  });

  it("shows the answer while it grows", async (t) => {
    const one = await page(t);
    one.say("slow:30:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 "), "the first words");
    assert.ok(one.texts()[1].length < words(30).length);
    assert.equal(one.chat.status, "streaming");
    await one.shows("slow:30:20", words(30));
    await one.idle();
  });

  it("has the messages of before, when it is opened again", async (t) => {
    const one = await page(t);
    await one.say("hello");
    await one.shows("hello", "echo: hello");
    one.leave();
    const two = await page(t, { name: one.name });
    await two.shows("hello", "echo: hello");
    await two.say("more");
    await two.shows("hello", "echo: hello", "more", "echo: more");
  });

  it("shows a second tab the same, while it streams", async (t) => {
    const one = await page(t);
    const two = await page(t, { name: one.name });
    one.say("slow:20:20");
    await until(() => two.texts()[1]?.startsWith("w0 "), "the first words on the second tab");
    await two.shows("slow:20:20", words(20));
    await one.shows("slow:20:20", words(20));
    await two.say("from the other");
    await one.shows("slow:20:20", words(20), "from the other", "echo: from the other");
  });

  it("stops", async (t) => {
    const one = await page(t);
    one.say("slow:200:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 "), "the first words");
    one.chat.stop();
    await one.idle();
    const [, answered] = await until(async () => (await one.stored())[1] && one.stored(), "the stored answer");
    assert.match(textOf(answered), /^w0 w1 /);
    assert.ok(textOf(answered).length < 200);
    await one.say("again");
    await until(() => one.texts().at(-1) === "echo: again", "the next answer");
  });

  it("resumes an answer when it is opened again in the middle", async (t) => {
    const one = await page(t);
    one.say("slow:60:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 w2 "), "the first words");
    one.leave();
    const two = await page(t, { name: one.name });
    await two.shows("slow:60:20", words(60));
    await two.idle();
    assert.deepEqual((await two.stored()).map(textOf), ["slow:60:20", words(60)]);
  });

  it("resumes an answer after its connection was cut", async (t) => {
    const one = await page(t);
    one.say("slow:60:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 w2 "), "the first words");
    one.agent.reconnect();
    await one.shows("slow:60:20", words(60));
    await one.idle();
  });

  it("has an answer that ended while it was away", async (t) => {
    const one = await page(t, { away: 1_500 });
    const two = await page(t, { name: one.name });
    one.say("slow:30:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 w2 "), "the first words");
    sockets.at(-2).terminate(); // that of `one`
    await two.shows("slow:30:20", words(30));
    assert.ok(one.texts()[1].length < words(30).length);
    await one.shows("slow:30:20", words(30));
    await one.idle();
    await one.say("and on");
    await one.shows("slow:30:20", words(30), "and on", "echo: and on");
  });

  it("has an answer that it saw in another tab and that ended while it was away", async (t) => {
    const two = await page(t);
    const one = await page(t, { name: two.name, away: 1_500 });
    two.say("slow:30:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 w2 "), "the first words");
    sockets.at(-1).terminate(); // that of `one`
    await one.shows("slow:30:20", words(30));
  });

  it("clears, here and on other tabs", async (t) => {
    const one = await page(t);
    const two = await page(t, { name: one.name });
    await one.say("hello");
    await two.shows("hello", "echo: hello");
    one.chat.clearHistory();
    await Promise.all([one.shows(), two.shows()]);
    assert.deepEqual(await one.stored(), []);
  });

  it("runs a tool of the client, and goes on", async (t) => {
    const calls = [];
    const one = await page(t, {
      tools: { getLocation: { description: "where", parameters: { type: "object" }, execute: () => null } },
      onToolCall: ({ toolCall, addToolOutput }) => {
        calls.push([toolCall.toolName, toolCall.input]);
        addToolOutput({ toolCallId: toolCall.toolCallId, output: { lat: 1 } });
      },
    });
    await one.say("tool");
    await one.shows("tool", "echo: tool (continued)");
    await one.idle();
    assert.deepEqual(calls, [["getLocation", { precise: true }]]);
    const [, answered] = one.chat.messages;
    assert.deepEqual(answered.parts.find(({ type }) => type === "tool-getLocation").output, { lat: 1 });
    const bodies = await one.agent.call("getBodies");
    assert.deepEqual(bodies.map(({ clientTools }) => clientTools?.[0].name), ["getLocation", "getLocation"]);
  });

  it("shows a result that came in the middle of the answer, on every tab", async (t) => {
    const one = await page(t);
    const two = await page(t, { name: one.name });
    one.say("early");
    await until(() => two.texts()[1]?.startsWith("w0 "), "the first words");
    one.agent.send(
      JSON.stringify({ type: "cf_agent_tool_result", toolCallId: "call-1", toolName: "getLocation", output: { lat: 1 }, autoContinue: false }),
    );
    await Promise.all([one.idle(), two.idle()]);
    const call = ({ chat }) => chat.messages[1].parts.find(({ type }) => type === "tool-getLocation");
    for (const tab of [one, two]) {
      assert.equal(tab.texts()[1], words(20));
      await until(() => call(tab).output?.lat === 1, `the result, not ${JSON.stringify(call(tab))}`);
    }
  });

  for (const approved of [true, false]) {
    it(`asks for approval: ${approved ? "yes" : "no"}`, async (t) => {
      const one = await page(t);
      await one.say("approve");
      const part = await until(() => one.chat.messages[1]?.parts.find(({ state }) => state === "approval-requested"), "the request");
      await one.idle();
      one.chat.addToolApprovalResponse({ id: part.approval.id, approved });
      await one.shows("approve", "echo: approve (continued)");
      const [, answered] = await one.stored();
      const { state, approval } = answered.parts.find(({ type }) => type === "tool-deleteAll");
      assert.deepEqual([state, approval.approved], [approved ? "approval-responded" : "output-denied", approved]);
    });
  }

  it("regenerates", async (t) => {
    const one = await page(t);
    await one.say("hello");
    await one.shows("hello", "echo: hello");
    await one.idle();
    const [, before] = one.chat.messages;
    await one.chat.regenerate();
    await until(() => one.texts()[1] === "echo: hello" && one.chat.messages[1].id !== before.id, "another answer");
    assert.equal((await one.stored()).length, 2);
    assert.equal(await one.agent.call("getTurnCount"), 2);
  });

  it("shows what the server says first", async (t) => {
    const one = await page(t);
    await one.agent.call("serverSay", ["from within"]);
    await one.shows("from within", "echo: from within");
  });

  it("tells an error, and may go on", async (t) => {
    for (const text of ["throw", "midfail"]) {
      const errors = [];
      const one = await page(t, { onError: (error) => errors.push(error) });
      one.say(text);
      await until(() => errors.length && one.chat.error, `the error of ${text}`);
      await one.say("hello");
      await until(() => one.texts().at(-1) === "echo: hello", "an answer after the error");
    }
  });

  it("sets messages", async (t) => {
    const one = await page(t);
    await one.say("hello");
    await one.shows("hello", "echo: hello");
    await one.idle();
    const two = await page(t, { name: one.name });
    const [asked, answered] = one.chat.messages;
    one.chat.setMessages([asked, { ...answered, parts: [{ type: "text", text: "edited" }] }]);
    await two.shows("hello", "edited");
  });

  it("has an answer that was taken up and ended while it was away", async (t) => {
    const one = await page(t, { away: 3_000 });
    one.say("slow:30:20");
    await until(() => one.texts()[1]?.startsWith("w0 w1 w2 "), "the first words");
    await server.kill();
    await server.again();
    await until(async () => textOf((await one.stored())[1] ?? { parts: [] }) === words(30), "the stored answer");
    await one.shows("slow:30:20", words(30));
  });

  it("survives a SIGKILL in the middle of an answer, and doubles no word", async (t) => {
    const one = await page(t);
    one.say("slow:60:20");
    await until(() => one.texts()[1]?.startsWith(words(20)), "the first words");
    await server.kill();
    await server.again();
    await one.shows("slow:60:20", words(60));
    await one.idle();
    await one.say("and on");
    await one.shows("slow:60:20", words(60), "and on", "echo: and on");
  });
});
