// One server for each test file: the Python app, in a process of its own, which a test may kill and start again.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PYTHON = process.env.PYTHON ?? "python3";
const ROOT = process.env.ROOT ?? join(import.meta.dirname, "..", "..");
const PATIENCE = 30_000;

export class Server {
  #process = null;
  #said = "";

  static async start() {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), "perdure-npm-"));
    server.port = await freePort();
    server.host = `127.0.0.1:${server.port}`;
    server.url = `http://${server.host}`;
    await server.again();
    return server;
  }

  // Starts it, over what it kept.
  async again() {
    const options = ["-m", "tests.npm.app", "--port", String(this.port), "--data", this.data];
    const running = spawn(PYTHON, options, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = running;
    running.stderr.on("data", (text) => (this.#said = (this.#said + text).slice(-20_000)));
    for (const until = Date.now() + PATIENCE; Date.now() < until; await sleep(30)) {
      if (running.exitCode !== null) break;
      if (await fetch(`${this.url}/up`).catch(() => null)) return;
    }
    throw new Error(`the server did not start:\n${this.#said}`);
  }

  // SIGKILL: nothing of it is told to anybody.
  async kill() {
    await this.#end("SIGKILL");
  }

  // As on a deploy: what it kept stays.
  async stopped() {
    await this.#end("SIGTERM");
  }

  async stop() {
    await this.stopped();
    await rm(this.data, { recursive: true, force: true });
  }

  // What it has written to its log, for a test that failed.
  get said() {
    return this.#said;
  }

  async #end(signal) {
    const running = this.#process;
    if (running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await Promise.race([ended, sleep(15_000, null, { ref: false })]);
    if (running.exitCode === null && running.signalCode === null) running.kill("SIGKILL");
  }
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
