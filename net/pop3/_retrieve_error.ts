/** The error for messages that a loop could not have. */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { replyOf } from "../internal/reply_of.ts";

/** A message that a loop could not have. */
export interface Pop3Failure {
  /** The number of the message within this session. */
  readonly number: number;
  /** The refusal of the server, or an error of kind "limit" for a message that is too large. */
  readonly error: NetError;
}

/** The refusal of some messages. The loop has yielded all others, and the session stays usable. */
export class Pop3RetrieveError extends ReplyError {
  /** The name of the class. */
  override readonly name = "Pop3RetrieveError";
  /** The messages that are missing. */
  readonly failures: readonly Pop3Failure[];

  /**
   * Creates an error.
   *
   * @param refusal The first refusal of the server.
   * @param failures The messages that are missing.
   */
  constructor(refusal: ReplyError, failures: readonly Pop3Failure[]) {
    super("Cannot retrieve all messages", replyOf(refusal));
    this.cause = refusal;
    this.failures = failures;
  }
}

/** Returns the error of a loop that could not have some messages. */
export function retrieveError(failures: readonly [Pop3Failure, ...Pop3Failure[]]): NetError {
  for (const { error } of failures) {
    if (error instanceof ReplyError) return new Pop3RetrieveError(error, failures);
  }
  const [{ error }, ...others] = failures;
  if (others.length === 0) return error;
  const { message, kind, phase, address } = error;
  return new NetError(`${message}; messages ${numbersOf(others)} are too large, too`, {
    ...{ kind, phase, cause: error },
    ...(address !== undefined && { address }),
  });
}

function numbersOf(failures: readonly Pop3Failure[]): string {
  const shown = failures.slice(0, 10).map(({ number }) => number).join(", ");
  return failures.length > 10 ? `${shown} and others` : shown;
}
