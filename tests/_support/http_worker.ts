/** A Worker for tests that serves HTTP: says which one it is, or what it was sent. */

import { router } from "../../http/handlers/router.ts";
import { serveHttp } from "../../http/server/server.ts";
import { runWorker } from "../../net/tcp/workers.ts";

runWorker(({ hostname, port, index }) =>
  serveHttp(
    { hostname, port, sharePort: true },
    router({
      "GET /": () => new Response(`${index}`),
      "POST /late": async (request) => new Response(await request.text()),
    }),
  )
);
