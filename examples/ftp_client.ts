#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Lists, fetches and stores files over FTP, encrypted unless told otherwise.
 *
 * ```sh
 * deno task ftp-client ls --server 127.0.0.1
 * deno run -q -P=ftp-client --allow-read=. --allow-write=. examples/ftp_client.ts get notes.txt
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-read`, `--allow-write` for files of this machine
 *
 * @module
 */

import { connectFtp } from "../net/ftp_client.ts";
import { badValue, type CliIo, defineCli, readPem } from "../tools/cli.ts";
import { COMMANDS } from "./ftp/commands.ts";
import { readPassword } from "./mail/password.ts";

const known = Object.keys(COMMANDS).join(", ");

const cli = defineCli({
  name: "ftp-client",
  summary: "Lists, fetches and stores files over FTP.",
  description: [
    "ls [DIRECTORY], get FILE [HERE], put FILE [THERE], mirror DIRECTORY HERE,",
    "mirror-up HERE DIRECTORY, mkdir DIRECTORY, rm FILE (with --recursive a directory).",
  ].join("\n"),
  flags: {
    server: { type: "host", default: "127.0.0.1", help: "The server" },
    port: { type: "port", min: 1, help: "Its port [default: 21, with --tls implicit 990]" },
    tls: {
      type: "choice",
      choices: ["starttls", "implicit", "none"],
      default: "starttls",
      help: "How the lines are encrypted: starttls, implicit, none",
    },
    user: { type: "string", help: "Log in as this user; the password is asked for" },
    passwordFile: { type: "string", placeholder: "file", help: "The file that holds it" },
    allowPlaintextLogin: { type: "boolean", help: "Log in even where others can read it" },
    ca: { type: "list", placeholder: "file", help: "Authority to trust, PEM" },
    resume: { type: "boolean", help: "get: go on where an earlier one ended" },
    recursive: { type: "boolean", alias: "r", help: "rm: with all that is in it" },
    timeout: { type: "duration", default: "30s", help: "How long an answer may take" },
  },
  positionals: { command: { help: known }, path: { type: "list", optional: true, help: "Paths" } },
  permissions: {
    "--allow-net=127.0.0.1": "connect there; name another server the same way",
    "--allow-read=<file>": "files to store, to resume, --password-file, --ca",
    "--allow-write=<file>": "files that are fetched",
  },
  examples: ["deno task ftp-client ls --server 127.0.0.1 --user ann"],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ command, path, server, ca, ...rest }, ctx) => {
    const work = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (work === undefined) throw badValue("command", command, known);
    const { user, passwordFile, recursive, resume, json, ...limits } = rest;
    const trusted = await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE")));
    const caCerts = trusted.length > 0 ? trusted : undefined;
    const password = await readPassword(user, passwordFile);
    const { signal, log } = ctx;
    const trace = (line: { from: string; text: string }) => log.debug("{from}: {text}", line);
    const who = { user, password, caCerts, signal, trace, hostname: server };
    await using ftp = await connectFtp({ ...limits, ...who });
    const done = await work({ ftp, paths: path, recursive, resume, json, ctx });
    if (json) ctx.printJson(done ?? { done: true });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
