/** One mail transaction of SMTP: sender, recipients, text (RFC 5321 §3.3). */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import type { SmtpReply } from "./codec.ts";
import { type Content, joined } from "./_content.ts";
import { groupReplies } from "./_group_replies.ts";
import { digitOf, isPositive, type SmtpControl } from "./_control.ts";
import type { RejectedRecipient } from "./options.ts";
import type { Addressee } from "./_parameters.ts";

/** Most commands to send ahead of their replies. More replies could fill the TCP window. */
const PIPELINE = 100;
/** Size from which the parts of a stream are sent as a chunk, in bytes. */
const CHUNK = 1024 * 1024;
/** Size below which a message is written at once, in bytes. */
const SMALL = 64 * 1024;
/** Time for the reply of a server that has ended the connection within a message, in milliseconds. */
const LAST_WORDS = 1000;

/** A message, and the envelope of one transaction. */
export interface Mail {
  /** The command MAIL FROM. */
  readonly sender: string;
  readonly addressees: readonly Addressee[];
  readonly content: Content;
  /** Whether the text is sent by BDAT (RFC 3030). */
  readonly isChunked: boolean;
  /** Throws if a part of the text cannot be sent to this server. */
  readonly check: (part: Uint8Array) => void;
}

/** The result of the commands before the text. */
interface Accepted {
  readonly accepted: readonly Addressee[];
  readonly rejected: readonly RejectedRecipient[];
  /** The recipients for further transactions, because the server accepts no more in this one. */
  readonly over: readonly Addressee[];
}

/** The result of a transaction. */
export interface Outcome {
  readonly accepted: readonly string[];
  readonly rejected: readonly RejectedRecipient[];
  readonly over: readonly Addressee[];
  /** The final replies. */
  readonly lines: readonly string[];
}

/** Runs transactions, one at a time. */
export class Transactions {
  readonly #control: SmtpControl;
  /** Whether the end of a message was sent and its reply has not come. */
  midway = false;

  /**
   * Makes an object for a session.
   *
   * @param control The control of a session.
   */
  constructor(control: SmtpControl) {
    this.#control = control;
  }

  /**
   * Runs a transaction. If all recipients are rejected, it sends no text.
   *
   * @throws {ReplyError} If the server rejects the sender or the message.
   */
  async run(mail: Mail): Promise<Outcome> {
    const { accepted, rejected, over } = await this.#envelope(mail);
    if (accepted.length === 0) return { accepted: [], rejected, over, lines: [] };
    try {
      if (mail.isChunked) await this.#chunks(mail);
      else await this.#text(mail);
      const outcome = await this.#finish(accepted);
      return { ...outcome, rejected: [...rejected, ...outcome.rejected], over };
    } catch (error) {
      // The reply of the server settles the result.
      if (error instanceof ReplyError) this.midway = false;
      throw error;
    }
  }

  /**
   * Sends the sender, the recipients and DATA. With a server that supports PIPELINING (RFC 2920) many
   * commands are sent at once. If recipients are accepted, the server then waits for the text.
   */
  async #envelope(mail: Mail): Promise<Accepted> {
    const { sender, addressees, isChunked } = mail;
    const control = this.#control;
    const step = control.extensions.has("PIPELINING") ? PIPELINE : 1;
    let from = step === 1 ? await control.ask(sender) : undefined;
    let data: SmtpReply | undefined;
    await control.quiet();
    // DATA may only be the last command of a group (RFC 2920 §3.1).
    const isAhead = step > 1 && addressees.length <= step && !isChunked && !control.isLmtp;
    const answers = new Recipients(control, mail.content.ready !== undefined);
    for (let at = 0; at < addressees.length; at += step) {
      if (from !== undefined && !isPositive(from)) break;
      if (answers.isFull) {
        answers.defer(addressees.slice(at));
        break;
      }
      const some = addressees.slice(at, at + step);
      const lines = some.map(({ command }) => command);
      if (from === undefined) lines.unshift(sender);
      if (isAhead) lines.push("DATA");
      await control.dialogue.writeLines(lines);
      const replies = await groupReplies(control, lines);
      if (isAhead) data = replies.pop();
      from ??= replies.shift()!;
      for (const [i, one] of some.entries()) answers.add(one, replies[i]!);
    }
    const failed = isPositive(from!)
      ? undefined
      : control.refused("Cannot send from this address", from!);
    const isWanted = failed === undefined && answers.accepted.length > 0;
    if (isWanted) {
      if (isChunked) return answers;
      const reply = data ?? await control.ask("DATA");
      if (digitOf(reply.code) === 3) return answers;
      await control.ask("RSET");
      throw control.refused("Cannot send the message", reply);
    }
    // A server that accepted DATA without a recipient gets an empty message (RFC 2920 §3.1).
    if (data !== undefined && digitOf(data.code) === 3) await control.ask(".");
    await control.ask("RSET");
    if (failed !== undefined) throw failed;
    return answers;
  }

  /** Sends the text as lines that end with a dot. */
  async #text(mail: Mail): Promise<void> {
    const { content: { ready } } = mail;
    const { dialogue } = this.#control;
    if (ready !== undefined && ready.length < SMALL) {
      this.midway = true;
      await dialogue.conn.write(ready);
    } else await this.#whileListening(() => this.#lines(mail));
    dialogue.tell("client", `(${mail.content.encoded} bytes)`);
  }

  async #lines({ content, check }: Mail): Promise<void> {
    const { dialogue } = this.#control;
    let last = content.ready;
    if (last === undefined) {
      last = new Uint8Array(0);
      try {
        for await (const part of content.stream(check)) {
          // The server may have refused the message already.
          if (dialogue.talkative) throw dialogue.broken("replies to an incomplete message");
          if (last.length > 0) await dialogue.conn.write(last);
          last = part;
        }
      } catch (error) {
        // An incomplete message must not end with a dot, or the server would accept it.
        dialogue.abort(error);
        throw error;
      }
      // The end is sent together with the last part, so that a small message is one write.
      last = joined([last, content.end()]);
    }
    this.midway = true;
    await dialogue.conn.write(last);
  }

  /** Sends the text by BDAT. The reply to the last chunk is the reply to the message. */
  async #chunks({ content, check }: Mail): Promise<void> {
    let parts: Uint8Array[] = content.ready === undefined ? [] : [content.ready];
    if (content.ready === undefined) {
      let size = 0;
      try {
        for await (const part of content.stream(check)) {
          parts.push(part);
          size += part.length;
          if (size < CHUNK) continue;
          await this.#chunk(joined(parts), "");
          const reply = await this.#control.reply(this.#control.times.block);
          if (!isPositive(reply)) throw this.#control.refused("Cannot send the message", reply);
          parts = [];
          size = 0;
        }
      } catch (error) {
        const { dialogue } = this.#control;
        if (!dialogue.conn.open || (error instanceof NetError && !dialogue.isSpared(error))) {
          throw error;
        }
        // The server discards an incomplete message, and the session goes on.
        await this.#control.ask("RSET");
        throw dialogue.spare(error);
      }
      parts.push(content.end());
    }
    this.midway = true;
    await this.#chunk(joined(parts), " LAST");
  }

  async #chunk(bytes: Uint8Array, last: "" | " LAST"): Promise<void> {
    const { dialogue } = this.#control;
    const command = `BDAT ${bytes.length}${last}`;
    dialogue.tell("client", command);
    const all = joined([new TextEncoder().encode(`${command}\r\n`), bytes]);
    await this.#whileListening(() => dialogue.conn.write(all));
  }

  /** Sends a text. If the server ends the session meanwhile, its reply tells why. */
  async #whileListening(work: () => Promise<void>): Promise<void> {
    const control = this.#control;
    const stop = control.listen();
    try {
      await work();
    } catch (error) {
      await stop();
      if (!control.dialogue.talkative) throw error;
      const reply = await control.reply(LAST_WORDS).catch((cause) => {
        throw cause instanceof ReplyError ? cause : error;
      });
      if (isPositive(reply)) throw error;
      const refused = control.refused("Cannot send the message", reply);
      control.dialogue.abort(refused);
      throw refused;
    } finally {
      await stop();
    }
  }

  /** Reads the final reply, or with LMTP the reply for each recipient (RFC 2033 §4.2). */
  async #finish(addressees: readonly Addressee[]): Promise<Omit<Outcome, "over">> {
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    const lines: string[] = [];
    const outcome = { accepted, rejected, lines };
    const addresses = addressees.map(({ address }) => address);
    if (!this.#control.isLmtp) {
      const reply = await this.#final();
      this.midway = false;
      if (!isPositive(reply)) throw this.#control.refused("Cannot send the message", reply);
      return { accepted: addresses, rejected, lines: reply.lines };
    }
    for (const [i, address] of addresses.entries()) {
      try {
        const reply = await this.#final();
        if (isPositive(reply)) {
          accepted.push(address);
          lines.push(...reply.lines);
        } else {
          const error = this.#control.refused(`Cannot send to ${address}`, reply);
          rejected.push({ address, error, sent: "no" });
        }
      } catch (error) {
        // The replies so far settle their recipients.
        if (i === 0 || !(error instanceof NetError)) throw error;
        this.#control.dialogue.abort(error);
        const sent = error instanceof ReplyError ? "no" : "maybe";
        for (const address of addresses.slice(i)) rejected.push({ address, error, sent });
        break;
      }
    }
    this.midway = false;
    return outcome;
  }

  async #final(): Promise<SmtpReply> {
    const reply = await this.#control.reply(this.#control.times.final);
    // Nobody knows whether the server has accepted the message.
    if (reply.code === 0) this.#control.dialogue.nonsense(reply.lines.join(" "));
    return reply;
  }
}

/** Collects the replies for recipients. */
class Recipients implements Accepted {
  readonly accepted: Addressee[] = [];
  readonly rejected: RejectedRecipient[] = [];
  readonly over: Addressee[] = [];
  readonly #control: SmtpControl;
  readonly #isRepeatable: boolean;

  /**
   * Starts with no replies.
   *
   * @param control The control of a session.
   * @param isRepeatable Whether the text can be sent again in another transaction.
   */
  constructor(control: SmtpControl, isRepeatable: boolean) {
    this.#control = control;
    this.#isRepeatable = isRepeatable;
  }

  /** Whether the server accepts no more recipients in this transaction. */
  get isFull(): boolean {
    return this.over.length > 0;
  }

  /** Adds the reply for a recipient. */
  add(one: Addressee, reply: SmtpReply): void {
    const { address } = one;
    if (isPositive(reply)) {
      this.accepted.push(one);
      return;
    }
    const isOver = isLimit(reply);
    if (isOver && this.#isRepeatable && this.accepted.length > 0) {
      this.over.push(one);
      return;
    }
    const error = this.#control.refused(`Cannot send to ${address}`, reply, isOver || undefined);
    this.rejected.push({ address, error, sent: "no" });
  }

  /** Leaves recipients to further transactions. */
  defer(rest: readonly Addressee[]): void {
    for (const one of rest) this.over.push(one);
  }
}

/** Returns whether a reply says that the server accepts no more recipients (RFC 5321 §4.5.3.1.10). */
function isLimit({ code, enhanced }: SmtpReply): boolean {
  // x.2.x is about one mailbox, for example one that is full.
  if (code === 452 || code === 552) return !/^.\.2\./.test(enhanced ?? "");
  return enhanced === "4.5.3" || enhanced === "5.5.3";
}
