#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Reads mail: folders, messages, attachments. The connection is encrypted by default.
 *
 * ```sh
 * deno task read-mail list --protocol pop3 --user ann
 * deno run -q -P=read-mail --allow-write=. examples/read_mail.ts save 3 --user ann
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-write=<folder>` to save attachments
 *
 * @module
 */

import { ReplyError } from "../net/errors/reply_error.ts";
import { badValue, CliError, type CliIo, defineCli } from "../tools/cli.ts";
import { clientFlags, loginFlags, loginOptions } from "./mail/flags.ts";
import { openImap, openPop3 } from "./mail/mailbox.ts";
import { COMMANDS } from "./mail/show.ts";

const known = Object.keys(COMMANDS).join(", ");

const cli = defineCli({
  name: "read-mail",
  summary: "Reads mail: folders, messages, attachments.",
  flags: {
    protocol: { type: "choice", choices: ["imap", "pop3"], default: "imap", help: "imap or pop3" },
    folder: { type: "string", default: "INBOX", alias: "f", help: "The folder (imap only)" },
    limit: { type: "integer", default: 20, min: 1, help: "list: number of messages" },
    output: { type: "string", default: ".", placeholder: "folder", help: "save: the folder" },
    ...clientFlags("implicit", "by protocol and tls"),
    ...loginFlags,
  },
  positionals: {
    command: { help: known },
    message: { type: "string", optional: true, help: "The message, for show, save and delete" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "connect; list other servers the same way",
    "--allow-read=<file>": "only for files of secrets and of certificates",
    "--allow-env=PORTSIDE_PASSWORD,PORTSIDE_TOKEN": "only for a login of the environment",
    "--allow-write=<folder>": "only to save attachments",
  },
  examples: ["deno task read-mail list --user ann", "deno task read-mail show 3 --user ann"],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ command, message, json, ...values }, ctx) => {
    const work = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (work === undefined) throw badValue("command", command, known);
    const { limit, output, protocol, folder, user } = values;
    const missing: string[] = [];
    const onMissing = (reason: string) => void missing.push(reason);
    const open = async () => {
      try {
        if (protocol === "pop3") {
          return await openPop3(await loginOptions(values, ["USER", "APOP"], ctx), onMissing);
        }
        const options = await loginOptions(values, ["LOGIN-COMMAND"], ctx);
        const onAlert = (text: string) => ctx.log.warn("the server says: {text}", { text });
        return await openImap({ ...options, onAlert }, folder, onMissing);
      } catch (error) {
        if (user !== undefined || !(error instanceof ReplyError)) throw error;
        throw new CliError(`${error.message} (not logged in: give --user)`);
      }
    };
    await work({ open, id: message, limit, output, json, ctx });
    if (missing.length > 0) throw new CliError(missing.join("; "));
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
