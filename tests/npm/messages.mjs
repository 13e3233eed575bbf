// Reads lines {before, sent} and writes, for each, the message that the AI SDK makes of it, or why it does not.
import { createInterface } from "node:readline";
import { readUIMessageStream } from "ai";

for await (const line of createInterface({ input: process.stdin })) {
  const { before, sent } = JSON.parse(line);
  let message = structuredClone(before);
  let error = null;
  try {
    const stream = ReadableStream.from(sent);
    for await (const made of readUIMessageStream({ message, stream, terminateOnError: true })) message = made;
  } catch (thrown) {
    error = String(thrown);
  }
  console.log(JSON.stringify({ message, error }));
}
