// A test that waits in vain fails, and the next one runs.

import { it as test } from "node:test";

const PATIENCE = 60_000;

export function it(name, work) {
  return test(name, { timeout: PATIENCE }, work);
}
