/** Chromium checks cors(): the requests and responses that pages of other origins may use. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser } from "playwright-core";
import { type AccessEntry, accessLog } from "../../../http/handlers/access_log.ts";
import { cors } from "../../../http/handlers/cors.ts";
import { json, readJson } from "../../../http/handlers/json.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { router } from "../../../http/handlers/router.ts";
import { type HttpHandler, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { chrome, launchChrome } from "../../_support/browser.ts";
import { until } from "../../_support/until.ts";

/** The readable part of a response, or the name of the error. */
type Read =
  | {
    readonly status: number;
    readonly text: string;
    readonly headers: Readonly<Record<string, string>>;
  }
  | string;

/** The options of `fetch`, as JSON. */
interface Init {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly credentials?: "include" | "omit";
}

/** A page in Chromium. */
interface Page {
  /** Its origin. */
  readonly origin: string;
  /** Lets the page fetch. */
  fetch(url: string, init?: Init): Promise<Read>;
}

/** The tools of a test. */
interface Room {
  /** A page from `http://127.0.0.1`. */
  readonly page: Page;
  /** Opens a page from elsewhere. */
  open(url: string): Promise<Page>;
  /** The URL of the same pages under the name `localhost`, which is another origin. */
  readonly elsewhere: string;
  /** Starts a server; the log of its requests fills up. */
  serve(
    handler: (page: Page) => HttpHandler,
    options?: ServeHttpOptions,
  ): AsyncDisposable & { readonly url: string; readonly log: readonly AccessEntry[] };
}

function inChromium(name: string, run: (room: Room, hardened: boolean) => Promise<void>): void {
  for (const hardened of [false, true]) {
    const where = hardened ? "the hardened transport" : "Deno.serve";
    Deno.test({
      name: `Chromium ${name}, on ${where}${chrome.suffix}`,
      ignore: chrome.ignore,
      async fn() {
        await using pages = serveHttp({ port: 0 }, ({ url }) => {
          const headers = new Headers({ "content-type": "text/html" });
          // The origin of such a page is "null".
          if (url.endsWith("/null")) {
            headers.set("content-security-policy", "sandbox allow-scripts");
          }
          return new Response("<title>page</title>", { headers });
        });
        const browser = await launchChrome();
        try {
          const page = await openPage(browser, pages.url);
          await run({
            page,
            open: (url) => openPage(browser, url),
            elsewhere: `http://localhost:${pages.addr.port}`,
            serve(handler, options) {
              const log: AccessEntry[] = [];
              const logged = accessLog(handler(page), { log: (entry) => log.push(entry) });
              const server = serveHttp({ port: 0, hardened, ...options }, logged);
              const { url } = server;
              return { url, log, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
            },
          }, hardened);
        } finally {
          await browser.close();
        }
      },
    });
  }
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  return {
    origin: await page.evaluate("origin"),
    fetch: (url, init = {}) =>
      page.evaluate(`fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then(
        async (response) => ({
          status: response.status,
          text: await response.text(),
          headers: Object.fromEntries(response.headers),
        }),
        (error) => error.name,
      )`),
  };
}

/** The status and the text of a response. */
const seen = (read: Read) => typeof read === "string" ? read : [read.status, read.text];
/** The methods of a log. Its order is that in which responses were sent. */
const methods = (log: readonly AccessEntry[]) => log.map(({ method }) => method).sort().join(" ");
/** A response that no page may read. */
const REFUSED = "TypeError";

inChromium("lets a page of the origin that is named ask and read", async (room) => {
  const handler = router({
    "GET /": () => new Response("hi", { headers: { "x-total": "7", "x-hidden": "8" } }),
    "PUT /": async (request) =>
      json({ token: request.headers.get("x-token"), body: await readJson(request) }),
    "DELETE /": () => new Response("gone"),
  });
  await using api = room.serve(({ origin }) =>
    cors(handler, {
      origins: [origin],
      methods: ["PUT"],
      headers: ["x-token", "content-type"],
      exposeHeaders: ["x-total", "x-request-id"],
    })
  );
  const { page } = room;
  const simple = await page.fetch(api.url);
  assert(typeof simple !== "string", String(simple));
  assertEquals([simple.status, simple.text], [200, "hi"]);
  assertEquals([simple.headers["x-total"], simple.headers["x-hidden"]], ["7", undefined]);
  await until(() => api.log.length === 1);
  assertEquals(simple.headers["x-request-id"], api.log[0]!.id);

  const headers = { "x-token": "t", "content-type": "application/json" };
  const put: Init = { method: "PUT", headers, body: "[1]" };
  for (let i = 0; i < 2; i++) {
    assertEquals(seen(await page.fetch(api.url, put)), [200, '{"token":"t","body":[1]}']);
  }
  // The second request uses the answer to the preflight of the first.
  await until(() => api.log.length === 4);
  assertEquals(methods(api.log), "GET OPTIONS PUT PUT");

  assertEquals(await page.fetch(api.url, { method: "DELETE" }), REFUSED);
  assertEquals(await page.fetch(api.url, { headers: { "x-other": "1" } }), REFUSED);
  await until(() => api.log.length === 6);
  assertEquals(methods(api.log), "GET OPTIONS OPTIONS OPTIONS PUT PUT");
});

inChromium("keeps pages of other origins out", async (room) => {
  await using api = room.serve(({ origin }) =>
    cors(() => new Response("secret"), { origins: [origin], methods: ["PUT"] })
  );
  const others = [await room.open(room.elsewhere), await room.open(`${room.page.origin}/null`)];
  assertEquals(others.map(({ origin }) => origin), [room.elsewhere, "null"]);
  for (const other of others) {
    assertEquals(await other.fetch(api.url), REFUSED, other.origin);
    assertEquals(await other.fetch(api.url, { method: "PUT" }), REFUSED, other.origin);
  }
  await until(() => api.log.length === 4);
  // The request that needs a preflight does not reach the handler.
  assertEquals(methods(api.log), "GET GET OPTIONS OPTIONS");
  assertEquals(seen(await room.page.fetch(api.url)), [200, "secret"]);
});

inChromium("sends cookies where credentials are allowed", async (room) => {
  const handler = router({
    "GET /login": () => new Response("in", { headers: { "set-cookie": "user=ann; HttpOnly" } }),
    "GET /": (request) => new Response(`user: ${request.headers.get("cookie")}`),
  });
  await using api = room.serve(({ origin }) =>
    cors(handler, { origins: [origin], credentials: true })
  );
  await using open = room.serve(() => cors(handler, { origins: "*" }));
  const { page } = room;
  const credentials = "include";
  assertEquals(seen(await page.fetch(`${api.url}/login`, { credentials })), [200, "in"]);
  assertEquals(seen(await page.fetch(api.url, { credentials })), [200, "user: user=ann"]);
  assertEquals(seen(await page.fetch(api.url, { credentials: "omit" })), [200, "user: null"]);
  const other = await room.open(room.elsewhere);
  assertEquals(await other.fetch(api.url, { credentials }), REFUSED);
  // "*" only works for requests without credentials.
  assertEquals(seen(await other.fetch(open.url, { credentials: "omit" })), [200, "user: null"]);
  assertEquals(await page.fetch(open.url, { credentials }), REFUSED);
});

inChromium("lets a page read why it was refused", async (room, hardened) => {
  const release = Promise.withResolvers<void>();
  let waiting = 0;
  const handler = router({
    "GET /": () => new Response("hi"),
    "GET /wait": async () => {
      waiting++;
      await release.promise;
      return new Response("at last");
    },
    "GET /bug": () => {
      throw new Error("secret");
    },
    "POST /": async (request) => new Response(await request.text()),
    "GET /limited": rateLimit(() => new Response("hi"), { limit: 1 }),
  });
  await using api = room.serve(
    ({ origin }) =>
      cors(handler, {
        origins: [origin],
        headers: ["x-long"],
        exposeHeaders: ["x-request-id", "retry-after"],
      }),
    { maxBody: 1000, maxRequests: 1, ...hardened && { maxHead: 8192 } },
  );
  const { page } = room;
  const refusal = async (path: string, init?: Init) => {
    const read = await page.fetch(api.url + path, init);
    assert(typeof read !== "string", `${path}: ${read}`);
    assertMatch(read.headers["x-request-id"]!, /^[0-9a-f-]{36}$/, path);
    assert(!read.text.includes("secret"), read.text);
    const id = read.headers["x-request-id"];
    await until(() => api.log.some((entry) => entry.id === id && entry.status === read.status));
    return read.status;
  };
  assertEquals(await refusal("/missing"), 404);
  assertEquals(await refusal("/bug"), 500);
  assertEquals(await refusal("/", { method: "POST", body: "x".repeat(1001) }), 413);
  assertEquals(await refusal("/limited"), 200);
  assertEquals(await refusal("/limited"), 429);
  const long = { headers: { "x-long": "x".repeat(9000) } };
  // Deno.serve answers by itself, as soon as its own limit is reached.
  if (hardened) assertEquals(await refusal("/", long), 431);
  const waits = page.fetch(`${api.url}/wait`);
  await until(() => waiting === 1);
  assertEquals(await refusal("/"), 503);
  release.resolve();
  assertEquals(seen(await waits), [200, "at last"]);
});
