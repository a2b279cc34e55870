/**
 * Composes messages with Nodemailer's composer. It encodes names and subjects in any script, texts, HTML,
 * inline images and attachments in MIME, in a form that every server accepts. Most mail from Node is
 * composed by it, and it works without Nodemailer's network code.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import MailComposer from "npm:nodemailer@10.6.0/lib/mail-composer/index.js";
import type { SmtpEnvelope } from "../../net/smtp/client.ts";
import { formatSmtpPath } from "../../net/smtp/codec.ts";
import { badValue } from "../../tools/cli.ts";

/** The parts of a message. */
export interface Letter {
  /** The author: `ann@example.com` or `Ann <ann@example.com>`. */
  readonly from: string;
  /** The recipients. */
  readonly to: readonly string[];
  /** The recipients of copies. */
  readonly cc: readonly string[];
  /** The recipients of copies that the other recipients do not see. */
  readonly bcc: readonly string[];
  /** The subject. */
  readonly subject: string;
  /** The body as text. */
  readonly text: string | undefined;
  /** The body as HTML. */
  readonly html: string | undefined;
  /** Paths of files to attach. */
  readonly attach: readonly string[];
  /** Paths of images for the HTML. It refers to them by file name: `<img src="cid:a.png">`. */
  readonly inline: readonly string[];
}

/**
 * Composes a message.
 *
 * @param letter The parts of the message.
 * @returns The message in MIME, and its envelope.
 * @throws {CliError} If an address is invalid.
 */
export async function compose(
  letter: Letter,
): Promise<{ envelope: SmtpEnvelope; message: Uint8Array }> {
  for (const name of ["from", "to", "cc", "bcc", "subject"] as const) {
    for (const value of [letter[name]].flat()) {
      if (/[\r\n\0]/.test(value)) throw badValue(`--${name}`, value, "one line");
    }
  }
  const load = async (path: string) => ({
    filename: path.replace(/^.*[/\\]/, ""),
    content: Buffer.from(await Deno.readFile(path)),
  });
  const images = (await Promise.all(letter.inline.map(load)))
    .map((image) => ({ ...image, cid: image.filename, contentDisposition: "inline" as const }));
  const attachments = [...images, ...await Promise.all(letter.attach.map(load))];
  const { to, cc, bcc, attach: _, inline: __, ...rest } = letter;
  const lists = { to: [...to], cc: [...cc], bcc: [...bcc] };
  const closed = { disableFileAccess: true, disableUrlAccess: true };
  const node = new MailComposer({ ...rest, ...lists, ...closed, attachments }).compile();
  const envelope = node.getEnvelope();
  const { from } = envelope;
  if (!from) throw badValue("--from", letter.from, "an address");
  if (envelope.to.length === 0) throw badValue("--to", to.join(", "), "an address");
  for (const [flag, address] of [["--from", from], ...envelope.to.map((one) => ["--to", one])]) {
    // Check all addresses before the program connects.
    if (!isAddress(address!)) throw badValue(flag!, address!, "an address: user@host");
  }
  const message = await new Promise<Uint8Array>((resolve, reject) => {
    node.build((error: Error | null, built: Uint8Array) => error ? reject(error) : resolve(built));
  });
  return { envelope: { from, to: envelope.to }, message };
}

function isAddress(text: string): boolean {
  try {
    return formatSmtpPath(text) !== "<>";
  } catch {
    return false;
  }
}
