import * as std from "npm:deno-std@1.4.0/http/negotiation.js";

/** The best of `langs` for the request's `Accept-Language`, or undefined. */
export const acceptsLanguages: (
  request: Pick<Request, "headers">,
  ...langs: string[]
) => string | undefined = std.acceptsLanguages;
