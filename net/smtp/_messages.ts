/** Mail transactions of SMTP: sender, recipients, text (RFC 5321 §3.3). */

import { DotEncoder } from "../mail/dot_codec.ts";
import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { formatSmtpPath, needsSmtpUtf8, type SmtpEnvelope, type SmtpReply } from "./codec.ts";
import type { SmtpControl } from "./_control.ts";
import {
  type RejectedRecipient,
  type SendMailOptions,
  type SentMail,
  type SmtpMessage,
  SmtpRecipientsError,
} from "./options.ts";
import { whileOpen } from "../internal/while_open.ts";

/** Most commands to send ahead of their replies. More replies could fill the TCP window. */
const PIPELINE = 100;

/** Sends messages, one at a time. */
export class SmtpMessages {
  readonly #control: SmtpControl;
  /** Whether a message has begun and its result is not known. */
  midway = false;

  constructor(control: SmtpControl) {
    this.#control = control;
  }

  /** Sends one message. */
  async send(
    { from, to }: SmtpEnvelope,
    message: SmtpMessage,
    { size, signal }: SendMailOptions,
  ): Promise<SentMail> {
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
    const encoder = new DotEncoder();
    // A message in memory is encoded first, so that its size is known.
    const ready = bytes instanceof Uint8Array ? encoder.push(bytes) : undefined;
    const length = ready === undefined ? size : encoder.size;
    if (bytes instanceof Uint8Array) this.#checkBits(bytes);
    const recipients = to.map((address) => ({ address, path: pathOf(address) }));
    const paths = [pathOf(from), ...recipients.map(({ path }) => path)];
    const sender = `MAIL FROM:${paths[0]}${this.#parameters(paths, length)}`;
    const onAbort = () => this.#control.dialogue.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      const { accepted, rejected } = await this.#envelope(sender, recipients);
      await this.#data(encoder, ready ?? bytes as Exclude<SmtpMessage, string | Uint8Array>);
      const reply = await this.#control.reply();
      if (reply.code !== 250) throw this.#control.refused("Cannot send the message", reply);
      this.midway = false;
      return { accepted, rejected, text: reply.lines.join("\n") };
    } catch (error) {
      // The reply of the server settles the result.
      if (error instanceof ReplyError) this.midway = false;
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Rejects bytes above 127 unless the server accepts them (RFC 6152 §3). */
  #checkBits(part: Uint8Array): void {
    if (this.#control.extensions.has("8BITMIME") || !part.some((byte) => byte > 127)) return;
    const { peer } = this.#control.dialogue;
    const problem = { kind: "unsupported", phase: "request", address: peer } as const;
    throw new NetError(
      `${peer} accepts only ASCII (no 8BITMIME): encode the message as quoted-printable or Base64`,
      problem,
    );
  }

  #parameters(paths: readonly string[], length: number | undefined): string {
    let parameters = "";
    const { peer } = this.#control.dialogue;
    if (length !== undefined && this.#control.extensions.has("SIZE")) {
      if (length > this.#control.maxSize) {
        throw new NetError(
          `Cannot send ${length} bytes to ${peer}: it accepts at most ${this.#control.maxSize}`,
          { kind: "limit", phase: "request", address: peer },
        );
      }
      parameters += ` SIZE=${length}`;
    }
    if (this.#control.extensions.has("8BITMIME")) parameters += " BODY=8BITMIME";
    if (paths.some(needsSmtpUtf8)) {
      if (!this.#control.extensions.has("SMTPUTF8")) {
        throw new NetError(`${peer} accepts only ASCII addresses (no SMTPUTF8)`, {
          kind: "unsupported",
          phase: "request",
          address: peer,
        });
      }
      parameters += " SMTPUTF8";
    }
    return parameters;
  }

  /**
   * Sends the sender, the recipients and DATA. With a server that supports PIPELINING (RFC 2920) many
   * commands are sent at once. The server then waits for the message.
   */
  async #envelope(
    sender: string,
    recipients: readonly { address: string; path: string }[],
  ): Promise<{ accepted: string[]; rejected: RejectedRecipient[] }> {
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    const step = this.#control.extensions.has("PIPELINING") ? PIPELINE : 1;
    let from = step === 1 ? await this.#control.ask(sender) : undefined;
    await this.#control.quiet();
    // DATA may only be the last command of a group (RFC 2920 §3.1).
    const ahead = step > 1 && recipients.length <= step;
    for (let at = 0; at < recipients.length; at += step) {
      if (from !== undefined && from.code !== 250) break;
      const some = recipients.slice(at, at + step);
      const lines = some.map(({ path }) => `RCPT TO:${path}`);
      if (from === undefined) lines.unshift(sender);
      if (ahead) lines.push("DATA");
      for (const line of lines) this.#control.dialogue.tell("client", line);
      await this.#control.dialogue.conn.write(lines.map((line) => `${line}\r\n`).join(""));
      from ??= await this.#control.reply();
      this.midway = from.code === 250;
      for (const { address } of some) {
        const reply = await this.#control.reply();
        if (reply.code === 250 || reply.code === 251) {
          accepted.push(address);
          continue;
        }
        const error = this.#control.refused(`Cannot send to ${address}`, reply);
        rejected.push({ address, error });
      }
    }
    const failed = from!.code !== 250
      ? this.#control.refused("Cannot send from this address", from!)
      : accepted.length === 0
      ? new SmtpRecipientsError(rejected)
      : undefined;
    const data = ahead ? await this.#control.reply() : failed ?? await this.#control.ask("DATA");
    if (failed === undefined && "code" in data && data.code === 354) return { accepted, rejected };
    // A server that accepted DATA without a recipient gets an empty message (RFC 2920 §3.1).
    if (ahead && data.code === 354) await this.#control.ask(".");
    await this.#control.ask("RSET");
    throw failed ?? this.#control.refused("Cannot send the message", data as SmtpReply);
  }

  /** Sends a message that is encoded already, or the parts of a stream. */
  async #data(
    encoder: DotEncoder,
    message: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { conn } = this.#control.dialogue;
    // The end is sent together with the last part, so that a small message is one write.
    let last: Uint8Array = new Uint8Array();
    if (message instanceof Uint8Array) last = message;
    else {
      try {
        for await (const part of whileOpen(conn, message)) {
          this.#checkBits(part);
          if (last.length > 0) await conn.write(last);
          last = encoder.push(part);
        }
      } catch (error) {
        // An incomplete message must not end with a dot, or the server would accept it.
        this.#control.dialogue.abort(error);
        throw error;
      }
    }
    const end = encoder.end();
    const bytes = new Uint8Array(last.length + end.length);
    bytes.set(last);
    bytes.set(end, last.length);
    await conn.write(bytes);
    this.#control.dialogue.tell("client", `(${encoder.size} bytes)`);
  }
}

/** Returns the path for an address. A domain that is not ASCII is encoded in IDNA (RFC 5890). */
function pathOf(mailbox: string): string {
  const path = formatSmtpPath(mailbox);
  const [, user, domain = ""] = /^<([\x20-\x7e]*)@([\p{L}\p{M}\p{N}.-]+)>$/u.exec(path) ?? [];
  const url = needsSmtpUtf8(domain) ? URL.parse(`http://${domain}`) : null;
  return url?.hostname.includes("xn--") ? formatSmtpPath(`${user}@${url.hostname}`) : path;
}
