/** Connects with the flags of the FTP program. @module */

import { connectFtp, type FtpClient } from "../../net/ftp/client.ts";
import type { CliContext } from "../../tools/cli.ts";
import { clientOptions } from "../mail/flags.ts";
import { ftpOptions } from "./flags.ts";

type Values = Parameters<typeof clientOptions>[0] & Parameters<typeof ftpOptions>[0];

/** Connects, and ends the session after an interrupt. */
export class Connector implements Disposable {
  readonly #session = new AbortController();
  readonly #values: Values;
  readonly #ctx: CliContext;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(values: Values, ctx: CliContext) {
    this.#values = values;
    this.#ctx = ctx;
  }

  /** The server with its port and the user, to tell files of different servers apart. */
  get server(): string {
    const { user = "anonymous", server, port, tls } = this.#values;
    return `${user}@${server}:${port ?? (tls === "implicit" ? 990 : 21)}`;
  }

  /** Connects and logs in. After an interrupt, the session stays open for `grace` milliseconds. */
  async connect(grace: number): Promise<FtpClient> {
    const { signal } = this.#ctx;
    const options = await clientOptions(this.#values, this.#ctx);
    const end = () => this.#session.abort(signal.reason);
    const onStop = () => grace === 0 ? end() : this.#timer = setTimeout(end, grace);
    signal.addEventListener("abort", onStop);
    const more = ftpOptions(this.#values);
    return await connectFtp({ ...options, ...more, signal: this.#session.signal });
  }

  /** Stops waiting for the end of the session. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
