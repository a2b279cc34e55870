import type { HttpCommonOptions } from "./options.ts";

type Retry = HttpCommonOptions["retry"];

/** The option `retry` of each client. Functions that retry on top of a client follow it. */
const RETRY_OF = new WeakMap<object, Retry>();

/** Registers the option `retry` of a client. */
export function rememberRetry(client: object, retry: Retry): void {
  RETRY_OF.set(client, retry);
}

/** Returns the option `retry` of a client; undefined for the default. */
export function retryOf(client: object): Retry {
  return RETRY_OF.get(client);
}
