import { hasMember } from "../header_list.ts";
import type { CountsSent } from "./sent_bytes.ts";
import type { HttpAddr, HttpHandler, HttpInfo } from "../server/options.ts";

/**
 * Changes the headers of an answer: in place where that is possible, in a copy
 * where they are immutable, as those of `fetch` and `Response.redirect` are.
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  // What is no response is for the server to refuse, and an upgrade is bound to its very object.
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

/** Shows the answer of a request whose handler throws or is late, which no wrapper would see. */
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

/** The same answer, once those have seen it who have asked for failures. */
export function shown(request: Request, response: Response): Response {
  onFailure.get(request)?.(response);
  return response;
}

/** What is known of a request that the server refuses by itself. */
export type RefusedInfo = Pick<HttpInfo<HttpAddr>, "remoteAddr" | "completed"> & CountsSent;

/** Sees a response that the server gives without the handler; may change its headers. */
export type RefusalLook = (request: Request, info: RefusedInfo, response: Response) => void;

const looks = new WeakMap<HttpHandler, readonly RefusalLook[]>();

/**
 * Lets the refusals of a server (413, 421, 503 …) pass a wrapper, so that they carry its headers and
 * are in its log. A wrapper that does not call this hides those inside of it.
 *
 * @param wrapper The handler that the wrapper returns.
 * @param inner The handler that it wraps.
 * @param look Sees each refusal.
 * @returns The wrapper.
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

/** Returns what sees the refusals in front of a handler, from the inside out. */
export function refusalLooks(handler: HttpHandler): readonly RefusalLook[] {
  return looks.get(handler) ?? [];
}
