/** JSON answers to GET and POST by Hono's router on `Deno.serve`; "hardened" as an argument. @module */

import { serveHttp } from "../../../http/server/server.ts";

interface Context {
  readonly req: { json(): Promise<{ message: string }> };
  json(value: unknown): Response;
}

interface Hono {
  get(path: string, handler: (context: Context) => Response): void;
  post(path: string, handler: (context: Context) => Promise<Response>): void;
  fetch(request: Request): Response | Promise<Response>;
}

// Not a literal, so that Hono is no dependency of ours.
const { Hono } = await import(["npm:hono", "4.13.19"].join("@")) as { Hono: new () => Hono };
const app = new Hono();
app.get("/hello", (context) => context.json({ message: "Hello, World!" }));
app.post(
  "/hello",
  async (context) => context.json({ message: (await context.req.json()).message }),
);
const onListen = ({ port }: { port: number }) =>
  console.log(`listening on http://127.0.0.1:${port}`);
const handler = (request: Request) => app.fetch(request);
if (Deno.args[0] === "hardened") serveHttp({ hardened: true, onListen }, handler);
else Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, handler);
