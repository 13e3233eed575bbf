// The official clients, given what Node 20 does not have: a WebSocket.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentClient } from "agents/client";
import WS from "ws";

const PATIENCE = 10_000;
let counter = 0;

// A name that no other test uses.
export function fresh(prefix = "t") {
  return `${prefix}-${process.pid}-${++counter}`;
}

// An `AgentClient` that is closed after the test; `.frames` has what came, `.url` where it went.
export function connect(t, server, agent, name, options = {}) {
  const client = new AgentClient({ agent, name, host: server.host, WebSocket: WS, ...options });
  client.frames = [];
  client.addEventListener("message", ({ data }) => client.frames.push(parsed(data)));
  t.after(() => client.close());
  return client;
}

// A bare socket, for what no client of the SDK sends. Each message is a frame, a text, or bytes.
export async function raw(t, server, path) {
  const socket = new WS(`ws://${server.host}${path}`);
  const one = { socket, frames: [], closed: null };
  socket.on("message", (data, binary) => one.frames.push(binary ? data : parsed(data.toString())));
  one.closed = new Promise((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  one.send = (frame) => socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  t.after(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return one;
}

// Returns what `look` gives, as soon as that is something.
export async function until(look, what, patience = PATIENCE) {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(5)) {
    const found = await look();
    if (found) return found;
  }
  assert.fail(`waited ${patience} ms in vain for ${what}`);
}

export function frame(client, type, patience) {
  return until(() => client.frames.find((one) => one?.type === type), `a frame ${type}`, patience);
}

export function count(client, type) {
  return client.frames.filter((one) => one?.type === type).length;
}

export function closed(client) {
  return new Promise((resolve) => client.addEventListener("close", resolve, { once: true }));
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
