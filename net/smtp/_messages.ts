/** Messages of SMTP: as many transactions as the recipients of a message need. */

import { NetError } from "../errors/errors.ts";
import { Content } from "./_content.ts";
import type { SmtpControl } from "./_control.ts";
import { type Addressee, envelopeCommands } from "./_parameters.ts";
import { type Outcome, Transactions } from "./_transaction.ts";
import {
  type RejectedRecipient,
  type SendMailOptions,
  type SentMail,
  type SmtpEnvelope,
  type SmtpMessage,
  SmtpRecipientsError,
} from "./options.ts";

/** Sends messages, one at a time. */
export class SmtpMessages {
  readonly #control: SmtpControl;
  readonly #transactions: Transactions;
  /** Most recipients of a transaction, as far as the options and the replies so far tell. */
  #most: number;

  /**
   * Makes an object for a session.
   *
   * @param control The control of a session.
   * @param maxRecipients Most recipients of a transaction.
   */
  constructor(control: SmtpControl, maxRecipients: number) {
    this.#control = control;
    this.#transactions = new Transactions(control);
    this.#most = maxRecipients;
  }

  /** Whether the end of a message was sent and its reply has not come. */
  get midway(): boolean {
    return this.#transactions.midway;
  }

  /** Sends one message. */
  async send(
    envelope: SmtpEnvelope,
    message: SmtpMessage,
    options: SendMailOptions,
  ): Promise<SentMail> {
    const { signal, transfer } = options;
    const { dialogue, extensions } = this.#control;
    const onAbort = () => dialogue.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    const content = new Content(dialogue.conn, message, options);
    try {
      // Most servers without SMTPUTF8 accept a header that is not ASCII, too.
      const utf8 = extensions.has("SMTPUTF8") && !content.isAscii &&
        await readable(content.hasUtf8Header());
      const check = transfer === "binary" || content.isAscii
        ? () => {}
        : (part: Uint8Array) => this.#checkBits(part);
      for (const part of content.known) check(part);
      const facts = { size: content.size, utf8 };
      const { sender, addressees } = envelopeCommands(this.#control, envelope, options, facts);
      const isChunked = transfer === "chunks" || transfer === "binary";
      return await this.#toAll({ sender, addressees, content, isChunked, check });
    } finally {
      content.cancel();
      signal?.removeEventListener("abort", onAbort);
    }

    /** Nothing was sent yet, so a failure of the source does not end the session. */
    async function readable<T>(work: Promise<T>): Promise<T> {
      try {
        return await work;
      } catch (error) {
        throw dialogue.conn.open ? dialogue.spare(error) : error;
      }
    }
  }

  /** Runs transactions until each recipient has a result. */
  async #toAll(mail: Parameters<Transactions["run"]>[0]): Promise<SentMail> {
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    const lines: string[] = [];
    for (let left = mail.addressees; left.length > 0;) {
      const most = mail.content.ready === undefined ? Infinity : this.#mostRecipients;
      const addressees = left.slice(0, most);
      let outcome: Outcome;
      try {
        outcome = await this.#transactions.run({ ...mail, addressees });
      } catch (error) {
        // The recipients that have the message must not get it twice.
        if (accepted.length === 0 || !(error instanceof NetError)) throw error;
        if (!this.#control.dialogue.isSpared(error)) this.#control.dialogue.abort(error);
        for (const one of this.#given(left, addressees.length, error)) rejected.push(one);
        break;
      }
      // A call takes about 100,000 arguments, so push() gets them one by one.
      for (const address of outcome.accepted) accepted.push(address);
      for (const one of outcome.rejected) rejected.push(one);
      for (const line of outcome.lines) lines.push(line);
      if (outcome.over.length > 0) {
        this.#most = Math.min(most, outcome.accepted.length || 1);
      }
      left = [...outcome.over, ...left.slice(addressees.length)];
    }
    if (accepted.length === 0) throw new SmtpRecipientsError(rejected);
    return { accepted, rejected, text: lines.join("\n") };
  }

  /** Returns the results for recipients whose transaction has failed, or did not begin. */
  #given(left: readonly Addressee[], begun: number, error: NetError): RejectedRecipient[] {
    const sent = (i: number) => this.midway && i < begun ? "maybe" : "no";
    return left.map(({ address }, i) => ({ address, error, sent: sent(i) }));
  }

  /** The most recipients of a transaction. A server may state its own limit (RFC 9422 §4.2). */
  get #mostRecipients(): number {
    const words = this.#control.extensions.get("LIMITS") ?? [];
    const [most] = words.map((word) => /^RCPTMAX=([1-9]\d{0,8})$/i.exec(word)?.[1])
      .filter((value) => value !== undefined);
    return Math.min(this.#most, Number(most ?? Infinity));
  }

  /** Rejects bytes above 127 unless the server accepts them (RFC 6152 §3). */
  #checkBits(part: Uint8Array): void {
    if (this.#control.extensions.has("8BITMIME") || !hasHighBit(part)) return;
    const { peer } = this.#control.dialogue;
    const problem = { kind: "unsupported", phase: "request", address: peer } as const;
    throw new NetError(
      `${peer} accepts only ASCII (no 8BITMIME): encode the message as quoted-printable or Base64`,
      problem,
    );
  }
}

function hasHighBit(part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (part[i]! > 127) return true;
  return false;
}
