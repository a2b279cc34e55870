/** An app of Hono on `serveHttp`; takes "deno" or "hardened". Hono is no dependency of ours. @module */

import { serveHttp } from "../../http/server.ts";

interface Context {
  req: { param(name: string): string; json(): Promise<unknown>; raw: Request };
  env: { remoteAddr: Deno.NetAddr };
  json(value: unknown): Response;
}
type Answer = (context: Context) => Response | Promise<Response>;
interface App {
  get(path: string, answer: Answer): void;
  post(path: string, answer: Answer): void;
  fetch(request: Request, env: unknown): Response | Promise<Response>;
}

const { Hono } = await import(["npm:hono", "4.13.19"].join("@")) as { Hono: new () => App };
const app = new Hono();
app.get("/users/:id", ({ req, env, json }) => {
  return json({ id: req.param("id"), peer: env.remoteAddr.hostname });
});
app.post("/json", async ({ req, json }) => json(await req.json()));
app.post("/echo", ({ req }) => new Response(req.raw.body));
app.get("/bug", () => {
  throw new Error("secret");
});

serveHttp({
  hardened: Deno.args[0] === "hardened",
  maxBody: 1000,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
