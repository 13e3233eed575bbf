import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { useEffect, useRef, useState } from "react";

export function Chat({ name }) {
  const agent = useAgent({ agent: "Assistant", name });
  const { messages, sendMessage, stop, clearHistory, isStreaming, status, error } = useAgentChat({ agent });
  const [text, setText] = useState("");
  const end = useRef(null);
  useEffect(() => {
    end.current?.scrollIntoView();
  }, [messages]);

  const busy = isStreaming || status === "submitted";
  const send = (event) => {
    event.preventDefault();
    if (!text.trim() || busy) return;
    sendMessage({ text });
    setText("");
  };

  return (
    <main>
      <header>
        <h1>{name}</h1>
        <span className={agent.identified ? "here" : "away"}>{agent.identified ? "connected" : "connecting …"}</span>
        <button type="button" onClick={clearHistory} disabled={busy || !messages.length}>
          Clear
        </button>
      </header>
      <ol aria-label="Messages" aria-busy={busy}>
        {messages.map((message) => (
          <li key={message.id} className={message.role}>
            {message.parts.map((part, at) => (part.type === "text" ? <p key={at}>{part.text}</p> : null))}
          </li>
        ))}
        {error && <li className="error">{error.message}</li>}
        <li ref={end} className="end" />
      </ol>
      <form onSubmit={send}>
        <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} placeholder="Say something" autoFocus />
        {busy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button disabled={!text.trim()}>Send</button>
        )}
      </form>
    </main>
  );
}
