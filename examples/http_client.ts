#!/usr/bin/env -S deno run --allow-net
/**
 * Sends one HTTP request and prints the response: `deno task http-client GET http://127.0.0.1:8080/`
 *
 * **Permissions**: `--allow-net`, because the command line may name any host; `--allow-read=<file>` for
 * `--upload`, `--body` and `--ca`; `--allow-read` and `--allow-write` for the folder of `--output`
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { type CliIo, defineCli, readPem } from "../tools/cli.ts";
import { bodyOf, credentials, jsonOf, pairs, targetOf } from "./http/arguments.ts";
import { FLAGS } from "./http/flags.ts";
import { checkOutput, save } from "./http/save.ts";

const cli = defineCli({
  name: "http-client",
  summary: "Sends one HTTP request. A status of 400 or above is a failure.",
  flags: FLAGS,
  positionals: {
    method: { help: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; a URL here means GET" },
    url: { optional: true, help: "URL to request, http or https" },
  },
  permissions: {
    "--allow-net": "reach any host",
    "--allow-read=<file>": "only with --upload, --body or --ca",
    "--allow-write=<folder>": "only with --output, and --allow-read=<folder> too",
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
    const { method, url } = targetOf(first, second);
    checkOutput(values, method);
    const body = await bodyOf(values, method);
    const auth = credentials(values);
    const headers = new Headers(pairs("header", values.header, /^([^:=\s]+):\s*(.*)$/s));
    const params = pairs("param", values.param);
    const retry = { total: values.retries };
    await using client = createClient({
      caCerts: await Promise.all(values.ca.map((file) => readPem(file, "CERTIFICATE"))),
      timeouts: { headers: values.headersTimeout, body: values.bodyTimeout, total: values.timeout },
      retry,
      dialer: values.connectTimeout !== undefined && { connectTimeout: values.connectTimeout },
      maxRedirects: values.maxRedirects,
      maxBody: values.maxBody,
    });
    const { signal } = ctx;
    const options = { params, headers, auth, signal };
    if (values.output !== undefined) {
      const more = { client, retry, maxSize: values.maxBody };
      const saved = await save(url, values.output, ctx, { ...options, ...more });
      return json ? ctx.printJson(saved) : ctx.print(`${saved.size} bytes in ${saved.path}`);
    }
    const response = await client.request(method, url, { ...options, ...body });
    if (json) return ctx.printJson(await jsonOf(response));
    if (values.include) {
      ctx.print(`${response.status} ${response.statusText}`);
      for (const [name, value] of response.headers) ctx.print(`${name}: ${value}`);
      ctx.print("");
    }
    const text = await response.text();
    if (text !== "") { for (const line of text.replace(/\r?\n$/, "").split("\n")) ctx.print(line); }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
