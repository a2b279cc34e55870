/** A JSON answer by Hono's router on `Deno.serve`. @module */

interface Hono {
  get(path: string, handler: (context: { json(value: unknown): Response }) => Response): void;
  fetch(request: Request): Response | Promise<Response>;
}

// Not a literal, so that Hono is no dependency of ours.
const { Hono } = await import(["npm:hono", "4.13.19"].join("@")) as { Hono: new () => Hono };
const app = new Hono();
app.get("/hello", (context) => context.json({ message: "Hello, World!" }));
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, (request) => app.fetch(request));
