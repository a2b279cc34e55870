#!/usr/bin/env -S deno run --allow-net --allow-env=all_proxy,ALL_PROXY,http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,no_proxy,NO_PROXY,REQUEST_METHOD
/**
 * Sends one HTTP request and prints the response: `deno task http-client GET http://127.0.0.1:8080/`
 *
 * **Permissions**: `--allow-net` for any host; `--allow-env` for proxies; `--allow-read=<file>` for
 * `--upload`, `--body`, `--ca`, `--cert` and `--key`; `--allow-read` and `--allow-write` for the folder of
 * `--output`, for the file of `--cookie-jar`, for the working directory with `--remote-name`, and for the socket of `--unix-socket`
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { type CliIo, defineCli } from "../tools/cli.ts";
import { bodyOf, credentials, hasBody, pairs, targetOf } from "./http/arguments.ts";
import { connectionOf, cookiesOf, saveCookies } from "./http/connection.ts";
import { FLAGS } from "./http/flags.ts";
import { show } from "./http/output.ts";
import { checkOutput, save } from "./http/save.ts";

const cli = defineCli({
  name: "http-client",
  summary: "Sends one HTTP request. A status of 400 or above is a failure.",
  flags: FLAGS,
  positionals: {
    method: { help: "GET, POST …; a URL here means GET, or POST with a body" },
    url: { optional: true, help: "URL to request, http or https" },
  },
  permissions: {
    "--allow-net": "reach any host",
    "--allow-env=all_proxy,ALL_PROXY,http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,no_proxy,NO_PROXY,REQUEST_METHOD":
      "read the proxy of the environment",
    "--allow-read=<file>": "only with --upload, --body, --ca, --cert, --key or --cookie-jar",
    "--allow-write=<folder>":
      "only with --output, --remote-name or --cookie-jar, and to read it too",
  },
  examples: [
    "deno task http-client GET http://127.0.0.1:8080/ -p page=2",
    `deno task http-client POST http://127.0.0.1:8080/ -d '{"name":"ada"}' --json`,
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
  return cli.run(args, io, async ({ method: first, url: second, json, ...values }, ctx) => {
    const target = targetOf(first, second, { ...values, hasBody: hasBody(values) });
    const { method, url } = target;
    const raw = values.output === "-";
    if (!raw) checkOutput(values, method);
    const body = await bodyOf(values, method);
    const jar = await cookiesOf(values.cookieJar);
    await using saving = new AsyncDisposableStack();
    saving.defer(() => saveCookies(values.cookieJar, jar));
    await using client = createClient({
      ...await connectionOf(values),
      cookies: jar ?? false,
    });
    const options = {
      ...body,
      params: pairs("param", values.param),
      headers: pairs("header", values.header, /^([^:=\s]+):\s*(.*)$/s),
      auth: credentials(values),
      signal: ctx.signal,
    };
    if (!raw && (values.output !== undefined || values.remoteName)) {
      const request = { ...target, client, options, maxSize: values.maxBody };
      const saved = await save(request, values, ctx);
      return json ? ctx.printJson(saved) : ctx.print(`${saved.size} bytes in ${saved.path}`);
    }
    const response = await client.request(method, url, { ...options, raiseForStatus: false });
    await show(response, method, ctx, { ...values, json, raw });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
