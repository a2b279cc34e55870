/** The verdict of the server about a transfer, and the comparison with what is known about the file. */

import type { Connection } from "../connection/connection.ts";
import { NetError } from "../errors/errors.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import type { Dialogue } from "../internal/dialogue.ts";
import { type FtpControl, isOf } from "./_control.ts";
import type { RunningHash } from "../internal/running_hash.ts";
import type { FtpHashes } from "./_hashes.ts";
import { type FtpReply, parseFtpSize } from "./codec.ts";

/** A transfer that has started. */
export interface Transfer {
  /** The failed action, for messages. */
  readonly what: string;
  readonly data: Connection;
  /** Whether the server has replied already that the transfer is complete. Some do for small files. */
  readonly isConfirmed: boolean;
}

/** The end of a file, for the verdict. */
export interface FileEnd {
  readonly path: string;
  /** The size of the file on this side. */
  readonly size: number;
  /** Whether the data connection has ended as it should. */
  readonly isClean: boolean;
  /** The hash of the file on this side, if it is compared. */
  readonly hash: RunningHash | undefined;
}

/** Reads and makes the verdicts about transfers. */
export class FtpVerdict {
  readonly #control: FtpControl;
  readonly #dialogue: Dialogue;
  readonly #hashes: FtpHashes;

  constructor(control: FtpControl, hashes: FtpHashes) {
    this.#control = control;
    this.#dialogue = control.dialogue;
    this.#hashes = hashes;
  }

  /** Reads the reply at the end of a transfer. */
  async of({ what, isConfirmed }: Transfer): Promise<void> {
    if (isConfirmed) return;
    const reply = await this.#control.reply();
    if (!isOf(2, reply)) throw this.refused(what, reply);
  }

  /** Returns the error for a transfer that the server rejects. */
  refused(what: string, reply: FtpReply): ReplyError {
    if (!this.#control.protected || !demandsResumption(reply)) {
      return this.#control.refused(what, reply);
    }
    const { code, lines } = reply;
    return this.#dialogue.refused(what, {
      code: `${code}`,
      lines,
      temporary: false,
      hint:
        "The server wants data connections to resume the TLS session of the control connection. " +
        "Deno cannot do that. Set TLSOptions NoSessionReuseRequired (ProFTPD) or require_ssl_reuse=NO " +
        "(vsftpd) on the server, or transfer without encryption (encryptData: false)",
    });
  }

  /** Reads the verdict of the server about a file, and compares what is known about it. */
  async ofFile(transfer: Transfer, { path, size, isClean, hash }: FileEnd): Promise<void> {
    await this.of(transfer);
    const { what } = transfer;
    if (!isClean) await this.#checkSize(what, path, size);
    if (hash === undefined) return;
    const there = await this.#hashes.ifKnown(path);
    const here = hash.end();
    if (there === undefined || there.value === here) return;
    throw this.#spoiled(
      `${what}: its ${hash.algorithm} is ${here} here and ${there.value} on ${this.#dialogue.peer}`,
      "protocol",
    );
  }

  /** Throws if the file on the server has another size, if the server reports sizes. */
  async #checkSize(what: string, path: string, size: number): Promise<void> {
    const reply = await this.#control.ask(`SIZE ${path}`);
    const whole = isOf(2, reply) ? parseFtpSize(reply.lines[0]!) : undefined;
    if (whole === undefined || reply.code !== 213 || whole === size) return;
    throw this.#spoiled(
      `${what}: the data connection ended without a close_notify after ${size} of ${whole} bytes`,
      "truncated",
    );
  }

  /** Returns an error about a file, which leaves the session in order. */
  #spoiled(message: string, kind: "protocol" | "truncated"): unknown {
    const address = this.#dialogue.peer;
    return this.#dialogue.spare(new NetError(message, { kind, phase: "read", address }));
  }
}

/** Returns whether a server rejects data connections that begin a TLS session of their own. */
function demandsResumption({ code, lines }: FtpReply): boolean {
  const text = lines.join(" ");
  const isSaid = /session|ssl|tls/i.test(text) && /re-?us|resum/i.test(text);
  // ProFTPD 1.3 names the reason in its own log alone.
  return code >= 400 && (isSaid || (code === 425 && /operation not permitted/i.test(text)));
}
