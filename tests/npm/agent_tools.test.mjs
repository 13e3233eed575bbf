// A sub-agent that answers as a tool, as `useAgentToolEvents` and `useAgentChat` show it to a page of React.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { textOf, words } from "./chats.mjs";
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

// A page with a chat and the runs of its tools.
async function page(t, name = fresh("lead")) {
  const one = { name };
  function Page() {
    one.agent = hooks.useAgent({ agent: "ChatLead", name, host: server.host, minReconnectionDelay: 50, maxReconnectionDelay: 50 });
    one.chat = hooks.useAgentChat({ agent: one.agent });
    one.tools = hooks.useAgentToolEvents({ agent: one.agent });
    return null;
  }
  hooks.mount(t, Page);
  one.run = () => one.tools.getRunsForToolCall("call-1")[0];
  one.shown = () => textOf(one.run() ?? { parts: [] });
  one.ends = (status) => until(() => one.run()?.status === status, `a run that is ${status}`);
  one.answers = () => until(() => textOf(one.chat.messages[1] ?? { parts: [] }).endsWith("."), "the answer");
  await until(() => one.chat && one.agent.identified, "the chat");
  await new Promise((resolve) => setTimeout(resolve, 50)); // the probe that is sent when it mounts is answered
  return one;
}

describe("agent tools", () => {
  it("are shown while they run, on every page, and on one that is opened later", async (t) => {
    const one = await page(t);
    const two = await page(t, one.name);
    one.chat.sendMessage({ text: "ask:slow:40:20" });
    await until(() => one.shown().startsWith("w0 w1 "), "the first words");
    assert.equal(one.run().status, "running");
    const three = await page(t, one.name);
    await until(() => three.shown().startsWith("w0 w1 "), "the first words on a page that comes in the middle");
    for (const each of [one, two, three]) {
      await each.ends("completed");
      assert.deepEqual([each.shown(), each.run().summary], [words(40), words(40)]);
    }
    await one.answers();
    assert.equal(one.chat.messages[1].parts.find(({ type }) => type === "tool-research").output, words(40));
    const { agentType, inputPreview, display, subAgent } = (await page(t, one.name)).run();
    assert.deepEqual([agentType, inputPreview, display], ["ChatEcho", "slow:40:20", { name: "Researcher" }]);
    const url = `${server.url}/agents/chat-lead/${one.name}/sub/chat-echo/${subAgent.name}/get-messages`;
    assert.deepEqual((await (await fetch(url)).json()).map(textOf), ["slow:40:20", words(40)]);
  });

  it("end as errors", async (t) => {
    const one = await page(t);
    one.chat.sendMessage({ text: "ask:midfail" });
    await one.ends("error");
    assert.deepEqual([one.run().error, one.shown()], ["stream error: mid-stream failure", "partial"]);
    await one.answers();
    assert.equal(textOf(one.chat.messages[1]), "error.");
  });

  it("are aborted with the answer", async (t) => {
    const one = await page(t);
    one.chat.sendMessage({ text: "ask:slow:200:20" });
    await until(() => one.shown().startsWith("w0 w1 "), "the first words");
    one.chat.stop();
    await one.ends("aborted");
    assert.ok(one.shown().length < 200);
  });

  it("are shown once when the connection is cut in the middle", async (t) => {
    const one = await page(t);
    one.chat.sendMessage({ text: "ask:slow:40:20" });
    await until(() => one.shown().startsWith("w0 w1 "), "the first words");
    sockets.at(-1).terminate();
    await one.ends("completed");
    assert.equal(one.shown(), words(40));
  });

  it("survive a SIGKILL, and double no word", async (t) => {
    const one = await page(t);
    one.chat.sendMessage({ text: "ask:slow:60:20" });
    await until(() => one.shown().startsWith(words(20)), "the first words");
    await server.kill();
    await server.again();
    await one.ends("completed");
    assert.equal(one.shown(), words(60));
    await one.answers();
    assert.equal(textOf(one.chat.messages[1]), "completed.");
  });
});
