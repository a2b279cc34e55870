import type { NetError } from "../errors/errors.ts";
import { type Reply, ReplyError } from "../errors/reply_error.ts";

/** Returns the reply in an error, for another error that stands for it and for more. */
export function replyOf(error: NetError): Reply {
  const { code = "", retryable, address } = error;
  return {
    code,
    temporary: retryable,
    ...(error instanceof ReplyError
      ? { enhanced: error.enhanced, lines: error.text.split("\n") }
      : { lines: [error.message] }),
    ...(address !== undefined && { address }),
  };
}
