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

// The official hooks, and `mount`, which shows a component until the test ends, or `leave` is called.
export async function pages(server) {
  open(server);
  globalThis.IS_REACT_ACT_ENVIRONMENT = false; // a page renders when it likes
  const { createElement, Suspense } = await import("react");
  const { createRoot } = await import("react-dom/client");
  function mount(t, component) {
    const root = createRoot(document.createElement("div"));
    root.render(createElement(Suspense, { fallback: null }, createElement(component)));
    const leave = () => root.unmount();
    t.after(leave);
    return leave;
  }
  return { ...(await import("agents/react")), ...(await import("@cloudflare/ai-chat/react")), mount };
}
