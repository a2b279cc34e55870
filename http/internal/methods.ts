/** Methods that `Request` accepts in any case, although methods are case-sensitive (RFC 9110 §9.1). */
const ANY_CASE = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
/** Methods that `Request` rejects. A server of content does not need them. */
const FORBIDDEN = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Returns whether `Request` accepts a method and keeps it unchanged. */
export function isForRequest(method: string): boolean {
  // A comparison is faster than a lookup in a set, which has to hash the text.
  if (method === "GET" || method === "POST" || ANY_CASE.has(method)) return true;
  const upper = method.toUpperCase();
  return !ANY_CASE.has(upper) && !FORBIDDEN.has(upper);
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Returns whether a request with a method may be repeated automatically (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
