/** The commands of the mail reader. @module */

import type { NetError } from "../../net/errors/errors.ts";
import type { MailAddress, ReadMessage } from "../../net/mail/message/options.ts";
import { readMessage } from "../../net/mail/message/read_message.ts";
import { badValue, type CliContext, CliError } from "../../tools/cli.ts";
import type { Item, Mailbox } from "./mailbox.ts";
import { plainText } from "./plain.ts";
import { saveFiles } from "./save.ts";

/** The arguments of a command. */
export interface Call {
  /** Connects and logs in. Commands call it after checking their arguments. */
  readonly open: () => Promise<Mailbox>;
  /** The id of a message. */
  readonly id: string | undefined;
  /** The number of messages to list. */
  readonly limit: number;
  /** The folder for attachments. */
  readonly output: string;
  /** Whether the output is JSON. */
  readonly json: boolean;
  /** The running program. */
  readonly ctx: CliContext;
}

/** The commands by name. */
export const COMMANDS: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  folders: async ({ open, json, ctx }) => {
    await using mail = await open();
    for (const folder of await mail.folders()) {
      if (json) ctx.printJson({ folder });
      else ctx.print(folder);
    }
  },
  list: async ({ open, limit, json, ctx }) => {
    await using mail = await open();
    for (const item of await mail.list(limit)) await showItem(item, json, ctx);
  },
  watch: async ({ open, json, ctx }) => {
    await using mail = await open();
    const onLost = ({ message }: NetError) =>
      ctx.log.warn("connecting again: {message}", { message });
    for await (const item of mail.watch(onLost)) await showItem(item, json, ctx);
  },
  show: async ({ open, id, json, ctx }) => {
    const email = await fetched(open, need(id));
    const names = email.attachments.map(({ filename }) => filename ?? "(no name)");
    const summary = summarize(email);
    const text = email.text ?? plainText(email.html ?? "");
    if (json) return ctx.printJson({ ...summary, text, attachments: names });
    for (const [name, value] of Object.entries(summary)) ctx.print(`${name}: ${value}`);
    if (names.length > 0) ctx.print(`attachments: ${names.join(", ")}`);
    ctx.print("");
    for (const line of text.trimEnd().split(/\r?\n/)) ctx.print(line);
  },
  save: async ({ open, id, output, json, ctx }) => {
    const number = need(id);
    // One request for the whole folder, because the sender has chosen the names.
    const { state } = await Deno.permissions.request({ name: "write", path: output });
    if (state !== "granted") {
      throw new CliError(`Permission is missing: run again with --allow-write=${output}`, 3);
    }
    await using mail = await open();
    let count = 0;
    for await (const { path, bytes } of saveFiles(await mail.message(number), output)) {
      count++;
      if (json) ctx.printJson({ path, bytes });
      else ctx.print(path);
    }
    if (count === 0) ctx.log.info("the message has no attachments");
  },
  delete: async ({ open, id, json, ctx }) => {
    const number = need(id);
    await using mail = await open();
    await mail.remove(number);
    if (json) ctx.printJson({ deleted: id });
    else ctx.print(`deleted ${id}`);
  },
};

function need(id: string | undefined): number {
  if (id === undefined) {
    throw new CliError("Missing argument: the message, by its number in the list", 2);
  }
  if (/^[1-9]\d{0,9}$/.test(id)) return Number(id);
  throw badValue("the message", id, "a number");
}

async function fetched(open: () => Promise<Mailbox>, id: number): Promise<ReadMessage> {
  await using mail = await open();
  return await readMessage(await mail.message(id));
}

function summarize(email: Partial<ReadMessage>): Record<string, string> {
  const who = ({ name, address }: MailAddress) => name ? `${name} <${address}>` : address;
  return {
    from: (email.from ?? []).map(who).join(", "),
    to: (email.to ?? []).map(who).join(", "),
    date: email.date?.toISOString() ?? "",
    subject: email.subject ?? "",
  };
}

async function showItem({ id, size, head }: Item, json: boolean, ctx: CliContext): Promise<void> {
  // An invalid message must not hide the others.
  const summary = summarize(await readMessage(head).catch(() => ({})));
  if (json) return ctx.printJson({ id, size, ...summary });
  const { from = "", subject = "" } = summary;
  const when = summary.date?.slice(0, 16).replace("T", " ") ?? "";
  ctx.print(`${id.padStart(5)}  ${when.padEnd(16)}  ${from.slice(0, 24).padEnd(24)}  ${subject}`);
}
