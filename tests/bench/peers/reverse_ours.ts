/** A hardened server: "bare" answers by itself, otherwise it passes on to the origin of the argument. */

import { reverseProxy } from "../../../http/proxy/reverse/reverse_proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";

const [target] = Deno.args;
serveHttp(
  {
    port: 0,
    hardened: true,
    onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
  },
  target === "bare" ? () => new Response("x".repeat(100)) : reverseProxy(target!),
);
