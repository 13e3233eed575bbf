// What React needs of a browser, from jsdom. Import this before anything of React.

import { JSDOM } from "jsdom";
import WS from "ws";

// Every socket of the page, the latest one last.
export const sockets = [];

class Socket extends WS {
  constructor(...options) {
    super(...options);
    sockets.push(this);
  }
}

export function open(server) {
  const { window } = new JSDOM("<!doctype html><body></body>", { url: `${server.url}/`, pretendToBeVisual: true });
  for (const name of ["window", "document", "navigator", "location", "HTMLElement", "MutationObserver"]) {
    const value = name === "window" ? window : window[name];
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  globalThis.WebSocket = Socket;
  globalThis.IS_REACT_ACT_ENVIRONMENT = true;
  return window;
}
