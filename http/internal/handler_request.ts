/** The property in which the second argument of a handler holds the request that the handler got. */
export const HANDLER_REQUEST: unique symbol = Symbol("request of the handler");

/**
 * Returns the request that a handler of `serveHttp` got. Only that one belongs to a connection, and a
 * program may have made a copy of it.
 *
 * @param request The request, or a copy of it.
 * @param info The second argument of the handler.
 */
export function originalRequest(request: Request, info: object): Request {
  const { [HANDLER_REQUEST]: original } = info as { [HANDLER_REQUEST]?: Request | undefined };
  return original ?? request;
}
