/** A route with a parameter behind `accessLog` and `cors`; an argument names the transport. @module */

import { accessLog } from "../../../http/handlers/access_log.ts";
import { cors } from "../../../http/handlers/cors.ts";
import { json } from "../../../http/handlers/json.ts";
import { router } from "../../../http/handlers/router.ts";
import { serve, sink } from "./_http_transports.ts";

const routes = router({
  "GET /users/:id": (_request, _info, { id }) => json({ id }),
  "PUT /users/:id": (_request, _info, { id }) => json({ id }),
  "GET /": () => json({ message: "Hello, World!" }),
});
const readable = cors(routes, { origins: ["https://app.test"], exposeHeaders: ["x-request-id"] });
serve(accessLog(readable, {
  log: ({ method, path, status, duration }) =>
    sink(`${method} ${path} ${status} ${Math.round(duration)}ms`),
}));
