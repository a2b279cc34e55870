import { Buffer } from "node:buffer";
import { parseDigits } from "../../net/text.ts";
import { peekStatic } from "./static_response.ts";

/** Statuses of responses that have no body. */
export const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Tells how many bytes of the body of a response were sent, once `completed` has settled. */
export type SentBytes = () => number;

/** Asks the second argument of a handler to count. It has to be asked before there is a response. */
export const COUNT_SENT: unique symbol = Symbol("count the bytes sent");

/** What can count. */
export interface CountsSent {
  [COUNT_SENT]?(): SentBytes;
}

/** Has the bytes of the body of a response counted; undefined if nobody can. */
export function countSent(info: CountsSent): SentBytes | undefined {
  return info[COUNT_SENT]?.();
}

/**
 * Returns the length of the body that is sent for a response, as far as it is known beforehand. The
 * body stays unused.
 *
 * @param response The response.
 * @param method The method of the request.
 */
export function lengthToSend(response: Response, method: string): number | undefined {
  if (method === "HEAD" || NO_BODY.has(response.status)) return 0;
  const body = peekStatic(response);
  if (body === undefined) return parseDigits(response.headers.get("content-length") ?? "");
  return typeof body === "string" ? Buffer.byteLength(body) : body?.length ?? 0;
}
