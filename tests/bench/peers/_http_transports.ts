/** Serves a handler on the transport that the argument names: "deno", "bare" or "hardened". @module */

import { type HttpHandler, type HttpInfo, serveHttp } from "../../../http/server/server.ts";

/** Starts the server, and prints where it listens. */
export function serve(handler: HttpHandler): void {
  const onListen = ({ port }: { port: number }) =>
    console.log(`listening on http://127.0.0.1:${port}`);
  if (Deno.args[0] === "bare") {
    // What the wrappers of the benchmark use of it, Deno has, too.
    const bare = (request: Request, info: unknown) => handler(request, info as HttpInfo);
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, bare);
  } else serveHttp({ hardened: Deno.args[0] === "hardened", onListen }, handler);
}

let logged = 0;

/** Where both log to: it only counts. */
export function sink(line: string): void {
  logged += line.length;
}
