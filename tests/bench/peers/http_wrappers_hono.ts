/**
 * A route with a parameter behind Hono's request id, logger and CORS; an argument names the transport.
 * Hono is no dependency of ours.
 *
 * @module
 */

import { serve, sink } from "./_http_transports.ts";

interface Context {
  readonly req: { param(name: string): string };
  json(value: unknown): Response;
}

type Middleware = (context: Context, next: () => Promise<void>) => Promise<Response | void>;
type Answer = (context: Context) => Response;

interface Hono {
  use(middleware: Middleware): void;
  get(path: string, answer: Answer): void;
  put(path: string, answer: Answer): void;
  fetch(request: Request): Response | Promise<Response>;
}

const VERSION = "4.13.19";
// Not literals, so that Hono is no dependency of ours.
const load = (path: string) => import(["npm:hono", VERSION + path].join("@"));
const { Hono } = await load("") as { Hono: new () => Hono };
const { cors } = await load("/cors") as {
  cors(options: { origin: string[]; exposeHeaders: string[] }): Middleware;
};
const { logger } = await load("/logger") as {
  logger(print: (line: string) => void): Middleware;
};
const { requestId } = await load("/request-id") as { requestId(): Middleware };

const app = new Hono();
app.use(requestId());
app.use(logger(sink));
app.use(cors({ origin: ["https://app.test"], exposeHeaders: ["x-request-id"] }));
app.get("/users/:id", (context) => context.json({ id: context.req.param("id") }));
app.put("/users/:id", (context) => context.json({ id: context.req.param("id") }));
app.get("/", (context) => context.json({ message: "Hello, World!" }));
serve((request) => app.fetch(request));
