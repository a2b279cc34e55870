#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Lists, downloads and uploads files over FTP. The connections are encrypted by default.
 *
 * ```sh
 * deno task ftp-client ls --server 127.0.0.1
 * deno run -q -P=ftp-client --allow-read=. --allow-write=. examples/ftp_client.ts get notes.txt
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-read`, `--allow-write` for local files
 *
 * @module
 */

import { NetError } from "../net/errors/errors.ts";
import { badValue, CliError, type CliIo, defineCli } from "../tools/cli.ts";
import { COMMANDS } from "./ftp/commands.ts";
import { Connector } from "./ftp/connector.ts";
import { FLAGS } from "./ftp/flags.ts";
import { INCOMPLETE, IncompleteError, mirrorChoices } from "./ftp/mirror.ts";

const known = Object.keys(COMMANDS).join(", ");

const cli = defineCli({
  name: "ftp-client",
  summary: "Lists, downloads and uploads files over FTP.",
  description: [
    "ls [DIRECTORY], get FILE [LOCAL], put LOCAL [FILE], mirror DIRECTORY LOCAL,",
    "mirror-up LOCAL DIRECTORY, mkdir DIRECTORY, rm FILE (with --recursive a directory),",
    "mv FILE NAME, hash FILE, site COMMAND, status.",
  ].join(" "),
  flags: FLAGS,
  positionals: { command: { help: known }, path: { type: "list", optional: true, help: "Paths" } },
  permissions: {
    "--allow-net=127.0.0.1": "connect; list other servers the same way",
    "--allow-read=<file>": "files to upload or download, --password-file, --ca",
    "--allow-write=<file>": "files that are downloaded",
    "--allow-env=PORTSIDE_PASSWORD": "only for a login of the environment",
  },
  exitCodes: {
    [INCOMPLETE]:
      "some files of a mirror could not be transferred, or some lines of a listing not read",
  },
  examples: ["deno task ftp-client ls --server 127.0.0.1 --user ann"],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (flags, ctx) => {
    const { command, path, recursive, resume, verify, json, ...values } = flags;
    const work = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (work === undefined) throw badValue("command", command, known);
    using connector = new Connector(values, ctx);
    const connect = (grace = 0) => connector.connect(grace);
    try {
      const mirror = mirrorChoices(flags);
      const { server } = connector;
      const call = { connect, server, paths: path, recursive, resume, verify, mirror, json, ctx };
      const done = await work(call);
      if (json) ctx.printJson(done ?? { done: true });
    } catch (error) {
      if (json && error instanceof IncompleteError) ctx.printJson(error.result);
      const refused = error instanceof NetError && error.kind === "permission";
      if (!refused || error.permission === undefined) throw error;
      // Each data connection has its own port, so the permission must cover all ports.
      const host = values.server.includes(":") ? `[${values.server}]` : values.server;
      const text = `Permission is missing: run again with --allow-net=${host}`;
      throw new CliError(text, 3, { cause: error });
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
