/** Turns the flags of send_mail into a message and its envelope. @module */

import { buildMessage, messageEnvelope } from "../../net/mail/message/build_message.ts";
import type { MailAttachment, MailEnvelope } from "../../net/mail/message/options.ts";
import { badValue, CliError } from "../../tools/cli.ts";

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
 * Composes a message. The files are read while it is sent, so their size does not matter.
 *
 * @param letter The parts of the message.
 * @returns The message in MIME as a stream, and its envelope.
 * @throws {CliError} If an address is invalid, or the name of a file.
 */
export async function compose(
  letter: Letter,
): Promise<{ envelope: MailEnvelope; message: ReadableStream<Uint8Array<ArrayBuffer>> }> {
  const { from, to, cc, bcc, subject, text, html, attach, inline } = letter;
  const parts = { from, to, cc, bcc, subject, text, html };
  for (const name of ["from", "to", "cc", "bcc"] as const) {
    for (const value of [parts[name]].flat()) {
      if (!isAddress(value)) throw badValue(`--${name}`, value, "an address: user@host");
    }
  }
  if (/[\r\n\0]/.test(parts.subject)) throw badValue("--subject", parts.subject, "one line");
  const images = await Promise.all(inline.map(async (path): Promise<MailAttachment> => {
    const contentId = nameOf(path);
    if (!/^[^<>]{1,200}$/.test(contentId)) {
      throw badValue("--inline", path, "a file name without <>");
    }
    return { ...await fileAt("--inline", path), contentId, disposition: "inline" };
  }));
  const files = await Promise.all(attach.map((path) => fileAt("--attach", path)));
  const envelope = messageEnvelope(parts);
  return { envelope, message: buildMessage({ ...parts, attachments: [...images, ...files] }) };
}

/**
 * Requires a recipient, before the program asks for a password or a text.
 *
 * @throws {CliError} If there is none.
 */
export function needRecipient({ to, cc, bcc }: Pick<Letter, "to" | "cc" | "bcc">): void {
  if (to.length + cc.length + bcc.length > 0) return;
  throw new CliError("Missing flag: --to, --cc or --bcc (see --help)", 2);
}

function isAddress(text: string): boolean {
  try {
    return messageEnvelope({ from: text }).from !== "";
  } catch {
    return false;
  }
}

/** Returns a file that is opened when its turn comes. A missing one is an error now. */
async function fileAt(flag: string, path: string): Promise<MailAttachment> {
  if ((await Deno.stat(path)).isDirectory) throw badValue(flag, path, "a file");
  return { filename: nameOf(path), content: contentOf(path) };
}

async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await Deno.open(path);
  yield* file.readable;
}

/** Returns the name of a file without its folder. */
function nameOf(path: string): string {
  return path.replace(/^.*[/\\]/s, "").replace(/\p{Cc}/gu, "_");
}
