/** An app of Hono on `serveHttp`; takes "deno" or "hardened". Hono is no dependency of ours. @module */

import { serveHttp } from "../../http/server/server.ts";

interface Context {
  req: { param(name: string): string; json(): Promise<unknown>; raw: Request };
  env: { remoteAddr: Deno.NetAddr };
  json(value: unknown): Response;
}
interface Stream {
  onAbort(callback: () => void): void;
  writeSSE(event: { data: string }): Promise<void>;
}
type Answer = (context: Context) => Response | Promise<Response>;
interface App {
  get(path: string, answer: Answer): void;
  post(path: string, answer: Answer): void;
  fetch(request: Request, env: unknown): Response | Promise<Response>;
}

const { Hono } = await import(["npm:hono", "4.13.19"].join("@")) as { Hono: new () => App };
const { streamSSE } = await import(["npm:hono", "4.13.19/streaming"].join("@")) as {
  streamSSE(context: Context, write: (stream: Stream) => Promise<void>): Response;
};
const app = new Hono();
/** How often the client of a path was seen to go, by the signal and by the stream. */
const gone = { signal: 0, stream: 0 };
app.get("/gone", ({ json }) => json(gone));
app.get("/waits", ({ req }) => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  req.raw.signal.addEventListener("abort", () => {
    gone.signal++;
    resolve(new Response());
  });
  return promise;
});
app.post("/waits", async ({ req, json }) => {
  await req.json();
  const { signal } = req.raw;
  return await new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      gone.signal++;
      resolve(json({}));
    });
  });
});
app.get("/events", (context) => {
  return streamSSE(context, async (stream) => {
    await stream.writeSSE({ data: "first" });
    await new Promise<void>((resolve) => {
      stream.onAbort(() => {
        gone.stream++;
        resolve();
      });
    });
  });
});
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
