#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Sends a message with attachments by SMTP. The connection is encrypted by default.
 *
 * ```sh
 * echo hello | deno task send-mail --from ann@a.test --to bob@b.test --subject hi
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-read=<file>` for attachments and the password
 *
 * @module
 */

import { connectSmtp, SmtpRecipientsError } from "../net/smtp/client.ts";
import { type CliIo, defineCli } from "../tools/cli.ts";
import { compose, needRecipient } from "./mail/compose.ts";
import { clientFlags, loginFlags, loginOptions } from "./mail/flags.ts";
import { sendOptions, smtpFlags } from "./mail/smtp_flags.ts";

const cli = defineCli({
  name: "send-mail",
  summary: "Sends a message with attachments by SMTP.",
  description: "Reads the text from standard input if neither --text nor --html is given.",
  flags: {
    from: { type: "string", required: true, help: "The author: Ann <ann@a.test>" },
    to: { type: "list", placeholder: "address", help: "A recipient" },
    cc: { type: "list", placeholder: "address", help: "A recipient of a copy" },
    bcc: { type: "list", placeholder: "address", help: "A hidden recipient of a copy" },
    subject: { type: "string", default: "(no subject)", help: "The subject" },
    text: { type: "string", help: "The body as text" },
    html: { type: "string", help: "The body as HTML" },
    attach: { type: "list", placeholder: "file", help: "A file to attach" },
    inline: { type: "list", placeholder: "file", help: "An image, cid:NAME in the HTML" },
    ...clientFlags("starttls", "587, with --tls implicit 465, with --lmtp 24"),
    ...loginFlags,
    ...smtpFlags,
  },
  permissions: {
    "--allow-net=127.0.0.1": "connect; list other servers the same way",
    "--allow-read=<file>": "only for files to attach, of secrets and of certificates",
    "--allow-env=PORTSIDE_PASSWORD,PORTSIDE_TOKEN": "only for a login of the environment",
  },
  examples: ["deno task send-mail --from ann@a.test --to bob@b.test --subject hi --text hey"],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ json, html, ...values }, ctx) => {
    needRecipient(values);
    const options = await loginOptions(values, [], ctx);
    const sending = { ...sendOptions(values), signal: ctx.signal };
    const { signal, log, print, printJson } = ctx;
    const input = async () => {
      if (Deno.stdin.isTerminal()) {
        log.info("type the text, and end it by Ctrl+D on a separate line");
      }
      const typed = Deno.stdin.readable.pipeThrough(new TransformStream(), { signal });
      return await new Response(typed).text();
    };
    const text = values.text ?? (html === undefined ? await input() : undefined);
    const { envelope, message } = await compose({ ...values, text, html });
    await using mail = await connectSmtp({ ...options, protocol: values.lmtp ? "lmtp" : "smtp" });
    const sent = await mail.send(envelope, message, sending).catch((error) => {
      if (!(error instanceof SmtpRecipientsError)) throw error;
      return { accepted: [], rejected: error.rejected, text: "" };
    });
    for (const { error } of sent.rejected) log.error("{message}", { message: error.message });
    if (json) printJson({ ...sent, rejected: sent.rejected.map(({ address }) => address) });
    else if (sent.accepted.length > 0) print(`sent to ${sent.accepted.join(", ")}: ${sent.text}`);
    return sent.rejected.length > 0 ? 1 : 0;
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
