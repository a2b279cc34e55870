#!/usr/bin/env -S deno run --allow-net --allow-env=all_proxy,ALL_PROXY,http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,no_proxy,NO_PROXY,REQUEST_METHOD
/**
 * Sends one HTTP request and prints the response.
 *
 * ```sh
 * deno task http-client GET http://127.0.0.1:8080/
 * deno task http-client POST http://127.0.0.1:8080/ --data '{"name":"lamp"}' --timings
 * ```
 *
 * **Permissions**: `--allow-net` for any host; `--allow-env` for proxies; `--allow-read=<file>` for
 * `--upload`, `--body`, `--ca`, `--cert`, `--key`, `--user-file` and `--bearer-file`;
 * `--allow-env=PORTSIDE_USER,PORTSIDE_BEARER` for a login of the environment; `--allow-read` and `--allow-write` for the folder of
 * `--output`, for the file of `--cookie-jar`, for the working directory with `--remote-name`, and for the
 * socket of `--unix-socket`.
 *
 * @module
 */

import { type CliIo, defineCli } from "../tools/cli.ts";
import { FLAGS, POSITIONALS } from "./http/flags.ts";
import { send } from "./http/send.ts";

const cli = defineCli({
  name: "http-client",
  summary: "Sends one HTTP request. A status of 400 or above is a failure.",
  flags: FLAGS,
  positionals: POSITIONALS,
  permissions: {
    "--allow-net": "reach any host",
    "--allow-env=all_proxy,ALL_PROXY,http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,no_proxy,NO_PROXY,REQUEST_METHOD":
      "read the proxy of the environment",
    "--allow-env=PORTSIDE_USER,PORTSIDE_BEARER": "only for a login of the environment",
    "--allow-read=<file>":
      "only with --upload, --body, --ca, --cert, --key, --user-file or --bearer-file",
    "--allow-read=<path> --allow-write=<path>":
      "only with --output or --remote-name (the folder), --cookie-jar or --unix-socket (the file)",
  },
  examples: [
    "deno task http-client GET http://127.0.0.1:8080/ -p page=2",
    `deno task http-client POST http://127.0.0.1:8080/ -d '{"name":"ada"}' --json`,
    "deno task http-client :8080/ --timings",
  ],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, send);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
