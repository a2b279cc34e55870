/**
 * JSON answers to GET and POST by `serveHttp` through the router, all limits on; "hardened" as an
 * argument.
 *
 * @module
 */

import { json, readJson } from "../../../http/handlers/json.ts";
import { router } from "../../../http/handlers/router.ts";
import { serveHttp } from "../../../http/server/server.ts";

serveHttp(
  {
    port: 0,
    hardened: Deno.args[0] === "hardened",
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
