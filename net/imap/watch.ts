/**
 * The news of a folder for as long as one likes: a loop that connects again by itself.
 *
 * @example Count what comes
 * ```ts
 * import { watchImap } from "@portside/kit/net/imap";
 *
 * async function tell(hostname: string, password: string): Promise<void> {
 *   for await (const event of watchImap({ hostname, user: "ann", password }, "INBOX")) {
 *     if (event.type === "exists") console.log(`${event.count} messages`);
 *   }
 * }
 * ```
 *
 * **Permissions**: those of `connectImap`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { checkNumber } from "../internal/options.ts";
import { NetError } from "../errors/errors.ts";
import { connectImap } from "./client.ts";
import type { ConnectImapOptions, ImapEvent, ImapIdleOptions, ImapSelected } from "./options.ts";

/** Options of {@linkcode watchImap}. All times are in milliseconds. */
export interface WatchImapOptions extends ImapIdleOptions {
  /**
   * The wait before it connects again, partly left to chance, doubled with every failure until a
   * session has lasted for `maxTimeout`.
   *
   * @default 1000
   */
  readonly minTimeout?: number;
  /**
   * The longest wait.
   *
   * @default 60000
   */
  readonly maxTimeout?: number;
  /** Called when a session is lost or cannot be had. */
  readonly onLost?: (error: NetError) => void;
}

/** Something that happened, or that there is a session: what came in between is in the folder. */
export type ImapWatchEvent =
  | ImapEvent
  | { readonly type: "connected"; readonly selected: ImapSelected };

/** What a new session may mend. */
const PASSING: ReadonlySet<string> = new Set([
  "truncated",
  "reset",
  "timeout",
  "closed",
  "protocol",
]);

/**
 * Watches a folder. The loop ends by `signal` or by leaving it.
 *
 * @param options The server, and who logs in.
 * @param folder The folder; it is opened to read only.
 * @param settings How to come back.
 * @returns What happens.
 * @throws {RangeError} If a time is out of range.
 * @throws {NetError} What another try would not mend: a login that is refused, a name that is unknown.
 */
export async function* watchImap(
  options: ConnectImapOptions,
  folder: string,
  settings: WatchImapOptions = {},
): AsyncGenerator<ImapWatchEvent, void, void> {
  const { signal, onLost } = settings;
  const minTimeout = checkNumber("minTimeout", settings.minTimeout ?? 1000);
  const maxTimeout = checkNumber("maxTimeout", settings.maxTimeout ?? 60_000);
  checkNumber("renew", settings.renew ?? 0);
  let failures = 0;
  while (!signal?.aborted) {
    let since = Infinity;
    try {
      await using mail = await connectImap({ ...options, ...(signal && { signal }) });
      const selected = await mail.examine(folder);
      since = performance.now();
      yield { type: "connected", selected };
      yield* mail.idle(settings);
    } catch (error) {
      if (signal?.aborted) return;
      const passing = error instanceof NetError && (error.retryable || PASSING.has(error.kind));
      if (!passing) throw error;
      if (performance.now() - since >= maxTimeout) failures = 0;
      onLost?.(error);
      const wait = Math.min(maxTimeout, minTimeout * 2 ** failures++) * (0.5 + Math.random() / 2);
      await delay(wait, signal && { signal }).catch(() => {});
    }
  }
}
