// A chat by the low-level transport, as code without React uses it.

import { WebSocketChatTransport } from "agents/chat/transport";

import { connect, fresh } from "./clients.mjs";

const RESPONSE = "cf_agent_use_chat_response";
let counter = 0;

export function user(text) {
  return { id: `u-${process.pid}-${++counter}`, role: "user", parts: [{ type: "text", text }] };
}

// A connected client with a transport, and what tests ask of them.
export async function chat(t, server, { agent = "ChatEcho", name = fresh("chat"), ...options } = {}) {
  const client = connect(t, server, agent, name, options);
  const transport = new WebSocketChatTransport({ agent: client });
  client.addEventListener("message", ({ data }) => {
    const frame = parsed(data);
    if (frame.type === "cf_agent_stream_resuming") transport.handleStreamResuming(frame);
    if (frame.type === "cf_agent_stream_resume_none") transport.handleStreamResumeNone(frame);
    if (frame.type === "cf_agent_stream_pending") transport.handleStreamPending();
  });
  await client.ready;
  const one = { client, transport, name, messages: [] };

  // Starts a turn; the chunks as they come.
  one.send = (text, more = {}) => {
    const message = user(text);
    const messages = [...(more.messages ?? one.messages), message];
    return transport.sendMessages({ chatId: name, trigger: "submit-message", ...more, messages });
  };
  one.resume = () => transport.reconnectToStream({ chatId: name });
  one.stored = () => stored(server, agent, name);
  one.ask = async (text, more) => chunks(await one.send(text, more));
  one.responses = () => client.frames.filter((frame) => frame.type === RESPONSE);
  one.end = () => one.responses().findLast((frame) => frame.done);
  one.transcripts = () => client.frames.filter((frame) => frame.type === "cf_agent_chat_messages");
  return one;
}

export async function stored(server, agent, name) {
  const kebab = agent.replace(/(?!^)([A-Z])/g, "-$1").toLowerCase();
  const answer = await fetch(`${server.url}/agents/${kebab}/${name}/get-messages`);
  return answer.json();
}

export async function chunks(stream) {
  const found = [];
  for await (const chunk of stream) found.push(chunk);
  return found;
}

// The first chunks, of a stream that is read on beside.
export async function some(stream, count) {
  const reader = stream.getReader();
  const found = [];
  while (found.length < count) found.push((await reader.read()).value);
  const rest = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return found;
      found.push(value);
    }
  })();
  rest.catch(() => {});
  return { found, rest };
}

export function textOf(message) {
  return message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
}

export function deltas(found) {
  return found.filter((chunk) => chunk.type === "text-delta").map((chunk) => chunk.delta).join("");
}

export function words(count) {
  return Array.from({ length: count }, (_, number) => `w${number} `).join("");
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return {};
  }
}
