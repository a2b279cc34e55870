/** An app of h3 on `serveHttp`; takes "deno" or "hardened". h3 is no dependency of ours. @module */

import { serveHttp } from "../../http/server/server.ts";

interface Event {
  req: Request;
}
interface App {
  get(path: string, handler: (event: Event) => unknown): App;
  post(path: string, handler: (event: Event) => unknown): App;
  fetch(request: Request): Response | Promise<Response>;
}

const { H3 } = await import(["npm:h3", "2.0.8"].join("@")) as { H3: new () => App };
/** How often the client of a path was seen to go, by the signal and by the stream. */
const gone = { signal: 0, stream: 0 };
const waits = async ({ req }: Event) => {
  await req.text();
  await new Promise<void>((resolve) => {
    req.signal.addEventListener("abort", () => {
      gone.signal++;
      resolve();
    });
  });
  return "";
};
const app = new H3()
  .get("/users/:id", ({ req }) => ({ url: new URL(req.url).pathname }))
  .post("/echo", ({ req }) => req.text())
  .get("/gone", () => gone)
  .get("/waits", waits)
  .post("/waits", waits)
  .get("/events", () => {
    return new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: first\n\n")),
      cancel: () => void gone.stream++,
    });
  });

serveHttp({
  hardened: Deno.args[0] === "hardened",
  maxBody: 1000,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, (request) => app.fetch(request));
