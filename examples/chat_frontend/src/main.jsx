import { Suspense } from "react";
import { createRoot } from "react-dom/client";

import { Chat } from "./Chat.jsx";
import "./style.css";

// Each name is a chat of its own: http://localhost:5173/#another
const name = location.hash.slice(1) || "default";

createRoot(document.getElementById("root")).render(
  <Suspense fallback={<p className="notice">Loading what was said …</p>}>
    <Chat name={name} />
  </Suspense>,
);
