/** What the WebSocket client says about its connections. @module */

import { NetError } from "../../net/errors/errors.ts";
import { CliError, type CliLog } from "../../tools/cli.ts";
import type { ReconnectEvent } from "../../ws/client/options.ts";

/** Logs an event of a WebSocket that reconnects. */
export function report(event: ReconnectEvent, log: CliLog): void {
  if (event.type === "open") log.info("connected to {peer}", { peer: event.connection.peer });
  else if (event.type === "lost") {
    log.info("the connection ended with {code}", { code: event.close.code });
  } else if (event.type === "failed") log.warn("{message}", { message: event.error.message });
  else log.info("next attempt in {wait} ms", { wait: Math.round(event.wait) });
}

/** Throws an error, with advice if the server is not trusted. */
export function refuse(error: unknown): never {
  if (!(error instanceof NetError && error.tls === "untrusted")) throw error;
  throw new CliError(`${error.message}; name a private authority with --ca, or a key with --pin`);
}
