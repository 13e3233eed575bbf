import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The page and the agents have one origin, as behind any reverse proxy: nothing has to be opened to other pages.
const backend = process.env.BACKEND ?? "http://127.0.0.1:8787";
const proxy = { "/agents": { target: backend, ws: true } };

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
