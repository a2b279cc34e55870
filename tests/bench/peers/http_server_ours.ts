/**
 * JSON answers to GET and POST by `serveHttp` through the router, all limits on; "hardened" as an
 * argument.
 *
 * @module
 */

import { json, readJson } from "../../../http/handlers/json.ts";
import { router } from "../../../http/handlers/router.ts";
import { serveHttp } from "../../../http/server/server.ts";

const hardened = Deno.args[0] === "hardened";
serveHttp(
  {
    port: 0,
    // Idle connections are measured by the thousand. Only a hardened server has a limit.
    ...(hardened ? { hardened, maxConnections: 50_000 } : {}),
    onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
  },
  router({
    "GET /hello": () => json({ message: "Hello, World!" }),
    "POST /hello": async (request) => {
      const { message } = await readJson<{ message: string }>(request);
      return json({ message });
    },
  }),
);
