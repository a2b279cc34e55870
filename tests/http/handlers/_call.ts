import type { HttpHandler, HttpInfo } from "../../../http/server/server.ts";

/** Responds with "ok". */
export function ok(): Response {
  return new Response("ok");
}

/** Returns the information that a handler gets for a request from an address. */
export function infoOf(hostname = "127.0.0.1"): HttpInfo {
  const signal = new AbortController().signal;
  return {
    remoteAddr: { transport: "tcp", hostname, port: 1 },
    completed: Promise.resolve(),
    signal,
    closing: signal,
    sendEarlyHints: () => Promise.resolve(false),
    trailers: Promise.resolve(new Headers()),
    sendTrailers: () => false,
  };
}

/** Calls a handler with a request for `http://h/p?q=1`. */
export async function call(
  handler: HttpHandler,
  init: RequestInit = {},
  info: HttpInfo = infoOf(),
): Promise<Response> {
  return await handler(new Request("http://h/p?q=1", init), info);
}
