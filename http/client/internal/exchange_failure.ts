/** A request without a response, with the facts that decide whether it may be sent again. */
export class ExchangeFailure {
  constructor(
    readonly cause: unknown,
    /** Whether bytes of the request may have left this process. */
    readonly written: boolean,
    /** Whether the connection was reused and has ended before any byte of a response. */
    readonly stale: boolean,
  ) {}
}
