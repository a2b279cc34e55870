import { Buffer } from "node:buffer";
import { parseDigits } from "../../net/text.ts";
import { NULL_BODY } from "./null_body.ts";
import { peekStatic } from "./static_response.ts";

/** Returns the number of sent bytes of the body of a response, after `completed` has settled. */
export type SentBytes = () => number;

/** The method that makes the second argument of a handler count. Call it before the response. */
export const COUNT_SENT: unique symbol = Symbol("count the bytes sent");

/** An object that can count sent bytes. */
export interface CountsSent {
  [COUNT_SENT]?(): SentBytes;
}

/** Starts counting the sent bytes of a response. Returns undefined if this is not possible. */
export function countSent(info: CountsSent): SentBytes | undefined {
  return info[COUNT_SENT]?.();
}

/**
 * Returns the length of the body that is sent for a response, if it is known beforehand. It does not
 * read the body.
 *
 * @param response The response to be sent.
 * @param method The method of the request.
 */
export function lengthToSend(response: Response, method: string): number | undefined {
  if (method === "HEAD" || NULL_BODY.has(response.status)) return 0;
  const body = peekStatic(response);
  if (body === undefined) return parseDigits(response.headers.get("content-length") ?? "");
  return typeof body === "string" ? Buffer.byteLength(body) : body?.length ?? 0;
}
