/**
 * Watches a folder for changes, and connects again when a session is lost.
 *
 * @example Count the messages in the inbox
 * ```ts
 * import { watchImap } from "@portside/kit/net/imap";
 *
 * async function report(hostname: string, password: string): Promise<void> {
 *   for await (const event of watchImap({ hostname, username: "ann", password }, "INBOX")) {
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
import { backoff } from "../internal/backoff.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { credentialsIn } from "../internal/mail_rules.ts";
import { text } from "../internal/options.ts";
import { NetError } from "../errors/errors.ts";
import { connectImap } from "./client.ts";
import type { ConnectImapOptions, ImapEvent, ImapSelected, WatchImapOptions } from "./options.ts";
import { CONNECT_IMAP, IMAP_IDLE, WATCH_IMAP } from "./_option_rules.ts";

/**
 * A change in the folder, or a new session. Changes between two sessions are not reported, so look at
 * the folder after "connected".
 */
export type ImapWatchEvent =
  | ImapEvent
  | { readonly type: "connected"; readonly selected: ImapSelected };

/** Kinds of errors that a new session may cure, besides those that are retryable. */
const PASSING: ReadonlySet<string> = new Set([
  "truncated",
  "reset",
  "timeout",
  "closed",
  "protocol",
]);

/**
 * Watches a folder. The loop ends when `signal` aborts or when its body leaves it.
 *
 * @param options The server and the login.
 * @param folder The name of the folder, which is opened for reading only.
 * @param settings The signal, the waits before it connects again, and the time between questions to a
 * server without IDLE.
 * @returns The changes in the folder. Iterating throws errors that another try would not cure, such as
 * a rejected login or an unknown host name.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export function watchImap(
  options: ConnectImapOptions,
  folder: string,
  settings: WatchImapOptions = {},
): AsyncGenerator<ImapWatchEvent, void, void> {
  options = CONNECT_IMAP.checkGiven("watchImap", options);
  credentialsIn("the login", options);
  text("folder", folder);
  settings = WATCH_IMAP.check("watchImap", settings);
  return watchFolder(options, folder, settings);
}

async function* watchFolder(
  options: ConnectImapOptions,
  folder: string,
  settings: WatchImapOptions,
): AsyncGenerator<ImapWatchEvent, void, void> {
  const { signal, onLost, minTimeout = 1000, maxTimeout = 60_000 } = settings;
  const signals = [options.signal, signal].filter((one) => one !== undefined);
  const either = AbortSignal.any(signals);
  let failures = 0;
  while (!signal?.aborted) {
    let since = Infinity;
    try {
      await using mail = await connectImap({ ...options, signal: either });
      const selected = await mail.examine(folder);
      since = performance.now();
      yield { type: "connected", selected };
      yield* mail.idle(IMAP_IDLE.pick(settings));
    } catch (error) {
      if (signal?.aborted) return;
      const passing = error instanceof NetError && (error.retryable || PASSING.has(error.kind));
      if (!passing) throw error;
      if (performance.now() - since >= maxTimeout) failures = 0;
      onLost?.(error);
      const wait = backoff(++failures, { minTimeout, maxTimeout, jitter: 0.5 });
      // If a signal aborts the wait, the next round ends the loop.
      await ignoreFailure(delay(wait, { signal: either }));
    }
  }
}
