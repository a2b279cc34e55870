/** The parameters of MAIL FROM and RCPT TO: RFC 1870, 3030, 3461, 6152, 6531, 8689. */

import { NetError } from "../errors/errors.ts";
import { formatSmtpPath, needsSmtpUtf8 } from "./codec.ts";
import type { SmtpControl } from "./_control.ts";
import type {
  SendMailOptions,
  SmtpEnvelope,
  SmtpNotify,
  SmtpParameters,
  SmtpRecipient,
} from "./options.ts";

/** A recipient, with the command that announces it. */
export interface Addressee {
  readonly address: string;
  readonly command: string;
}

/** The commands of an envelope. */
export interface Commands {
  readonly sender: string;
  readonly addressees: readonly Addressee[];
}

/** The facts about a message that its parameters depend on. */
export interface MessageFacts {
  /** The size in bytes, if it is known. */
  readonly size: number | undefined;
  /** Whether the header contains text that is not ASCII, and the server accepts it as UTF-8. */
  readonly utf8: boolean;
}

/**
 * Returns the commands for an envelope.
 *
 * @throws {NetError} "unsupported" if the server lacks a requested extension; "limit" if the message is
 * larger than the server accepts.
 */
export function envelopeCommands(
  control: SmtpControl,
  { from, to }: SmtpEnvelope,
  options: SendMailOptions,
  { size, utf8 }: MessageFacts,
): Commands {
  if (/^postmaster$/i.test(from)) throw new TypeError("from must be an address with a domain");
  const sender = pathOf(from);
  const addressees = to.map((one) => {
    const recipient = typeof one === "string" ? { address: one } : one;
    return { recipient, path: pathOf(recipient.address) };
  });
  const isUtf8 = [sender, ...addressees.map(({ path }) => path)].some(needsSmtpUtf8);
  if (isUtf8) need(control, "SMTPUTF8", "accepts only ASCII addresses");
  return {
    sender: `MAIL FROM:${sender}${senderParameters(control, options, size, isUtf8 || utf8)}`,
    addressees: addressees.map(({ recipient, path }) => ({
      address: recipient.address,
      command: `RCPT TO:${path}${recipientParameters(control, recipient, options)}`,
    })),
  };
}

function senderParameters(
  control: SmtpControl,
  { returnContent, envelopeId, requireTls, transfer, parameters }: SendMailOptions,
  size: number | undefined,
  utf8: boolean,
): string {
  const { extensions, dialogue: { peer, encrypted } } = control;
  const words: string[] = [];
  if (size !== undefined && extensions.has("SIZE")) {
    if (size > control.maxSize) {
      throw new NetError(
        `Cannot send ${size} bytes to ${peer}: it accepts at most ${control.maxSize}`,
        { kind: "limit", phase: "request", address: peer },
      );
    }
    words.push(`SIZE=${size}`);
  }
  if (transfer === "chunks" || transfer === "binary") need(control, "CHUNKING", "has no BDAT");
  if (transfer === "binary") {
    need(control, "BINARYMIME", "accepts only lines");
    words.push("BODY=BINARYMIME");
  } else if (extensions.has("8BITMIME")) words.push("BODY=8BITMIME");
  if (utf8) words.push("SMTPUTF8");
  if (returnContent !== undefined || envelopeId !== undefined) needReports(control);
  if (returnContent !== undefined) words.push(returnContent === "full" ? "RET=FULL" : "RET=HDRS");
  if (envelopeId !== undefined) words.push(`ENVID=${xtext(envelopeId)}`);
  if (requireTls === true) {
    if (!encrypted) throw unsupported(peer, "is not connected by TLS", "requireTls");
    need(control, "REQUIRETLS", "does not guarantee TLS");
    words.push("REQUIRETLS");
  }
  return joined(words, parameters);
}

function recipientParameters(
  control: SmtpControl,
  { notify, originalRecipient, parameters }: SmtpRecipient,
  defaults: SendMailOptions,
): string {
  const words: string[] = [];
  const events: readonly SmtpNotify[] | undefined = notify ?? defaults.notify;
  if (events !== undefined || originalRecipient !== undefined) needReports(control);
  if (events !== undefined) {
    words.push(`NOTIFY=${events.length === 0 ? "NEVER" : events.join(",").toUpperCase()}`);
  }
  if (originalRecipient !== undefined) words.push(`ORCPT=${originalOf(originalRecipient)}`);
  return joined(words, parameters);
}

function joined(words: readonly string[], parameters: SmtpParameters = {}): string {
  const more = Object.entries(parameters)
    .map(([name, value]) => value === true ? name : `${name}=${value}`);
  return [...words, ...more].map((word) => ` ${word}`).join("");
}

function need({ extensions, dialogue: { peer } }: SmtpControl, name: string, why: string): void {
  if (!extensions.has(name)) throw unsupported(peer, why, name);
}

function needReports(control: SmtpControl): void {
  need(control, "DSN", "sends no reports on request");
}

function unsupported(peer: string, why: string, name: string): NetError {
  const message = `${peer} ${why} (no ${name})`;
  return new NetError(message, { kind: "unsupported", phase: "request", address: peer });
}

/** Returns the original recipient with its type of address (RFC 3461 §4.2, RFC 6533 §3). */
function originalOf(address: string): string {
  if (!needsSmtpUtf8(address)) return `rfc822;${xtext(address)}`;
  const escaped = address.replace(
    /[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]/gu,
    (one) => `\\x{${one.codePointAt(0)!.toString(16).toUpperCase()}}`,
  );
  return `utf-8;${escaped}`;
}

/** Encodes text of printable ASCII as xtext (RFC 3461 §4). */
function xtext(text: string): string {
  return text.replace(
    /[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g,
    (one) => `+${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** Returns the path for an address. A domain that is not ASCII is encoded in IDNA (RFC 5890). */
function pathOf(mailbox: string): string {
  const path = formatSmtpPath(mailbox);
  const [, user, domain = ""] = /^<([\x20-\x7e]*)@([\p{L}\p{M}\p{N}.-]+)>$/u.exec(path) ?? [];
  const url = needsSmtpUtf8(domain) ? URL.parse(`http://${domain}`) : null;
  return url?.hostname.includes("xn--") ? formatSmtpPath(`${user}@${url.hostname}`) : path;
}
