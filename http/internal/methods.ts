/** Methods that a `Request` takes for the same in any case, though they are not (RFC 9110 §9.1). */
const ANY_CASE = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
/** Methods that no `Request` is made of; they are of no use to a server of content. */
const FORBIDDEN = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Whether a `Request` can have this method, and leaves it as it is. */
export function isForRequest(method: string): boolean {
  // To look into a set, a text has to be hashed first.
  if (method === "GET" || method === "POST" || ANY_CASE.has(method)) return true;
  const upper = method.toUpperCase();
  return !ANY_CASE.has(upper) && !FORBIDDEN.has(upper);
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Whether a request of this method may be repeated automatically (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
