/**
 * Changes the headers of an answer: in place where that is possible, in a copy
 * where they are immutable, as those of `fetch` and `Response.redirect` are.
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  // An upgrade is bound to its very object.
  if (response.status === 101) return response;
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
  if (vary === "*" || vary?.toLowerCase().split(/\s*,\s*/).includes(name)) return;
  headers.set("vary", vary === null ? name : `${vary}, ${name}`);
}
