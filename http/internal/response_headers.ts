import { hasMember } from "../header_list.ts";
import type { CountsSent } from "./sent_bytes.ts";
import type { HttpAddr, HttpHandler, HttpInfo } from "../server/options.ts";

/**
 * Changes the headers of a response, in place if possible. If they are immutable, like those of `fetch`
 * and `Response.redirect`, it changes a copy.
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  // The server rejects other values. An upgrade is bound to the object of its response.
  if (!(response instanceof Response) || response.status === 101) return response;
  try {
    change(response.headers);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const headers = new Headers(response.headers);
    change(headers);
    const { status, statusText } = response;
    return new Response(response.body, { status, statusText, headers });
  }
}

/** Adds a name to `Vary`. */
export function addVary(headers: Headers, name: string): void {
  const vary = headers.get("vary");
  if (hasMember(vary, "*") || hasMember(vary, name)) return;
  headers.set("vary", vary === null ? name : `${vary}, ${name}`);
}

const onFailure = new WeakMap<Request, (response: Response) => void>();

/** Registers a function that sees the response for a handler that throws or is late. */
export function alsoOnFailure(request: Request, look: (response: Response) => void): void {
  const before = onFailure.get(request);
  onFailure.set(
    request,
    before === undefined ? look : (response) => {
      before(response);
      look(response);
    },
  );
}

/** Calls the functions of {@linkcode alsoOnFailure}, and returns the response. */
export function shown(request: Request, response: Response): Response {
  onFailure.get(request)?.(response);
  return response;
}

/** The information about a request that the server refuses by itself. */
export type RefusedInfo = Pick<HttpInfo<HttpAddr>, "remoteAddr" | "completed"> & CountsSent;

/** Sees a response that the server makes without the handler. It may change the headers. */
export type RefusalLook = (request: Request, info: RefusedInfo, response: Response) => void;

const looks = new WeakMap<HttpHandler, readonly RefusalLook[]>();

/**
 * Registers a wrapper for the refusals of a server (413, 421, 503 …), so that they get its headers and
 * are in its log. A wrapper that does not call this hides the wrappers inside of it.
 *
 * @param wrapper The handler that the wrapper returns.
 * @param inner The handler that it wraps.
 * @param look The function that sees each refusal, if the wrapper needs one.
 * @returns The wrapper, for use in a return statement.
 */
export function passRefusals(
  wrapper: HttpHandler,
  inner: HttpHandler,
  look?: RefusalLook,
): HttpHandler {
  const all = [...looks.get(inner) ?? [], ...look === undefined ? [] : [look]];
  if (all.length > 0) looks.set(wrapper, all);
  return wrapper;
}

/** Returns the functions that see the refusals for a handler, from the inside out. */
export function refusalLooks(handler: HttpHandler): readonly RefusalLook[] {
  return looks.get(handler) ?? [];
}
