#!/usr/bin/env -S deno run --allow-net
/**
 * Fetches many URLs at once and prints the result of each, in the order of the URLs.
 *
 * ```sh
 * deno task fetch-all --concurrency 5 https://example.com https://example.org
 * ```
 *
 * **Permissions**: `--allow-net`, because the command line may name any host
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { fetchAll, type FetchResult } from "../http/client/fetch_all.ts";
import { NetError } from "../net/errors/errors.ts";
import { type CliIo, defineCli } from "../tools/cli.ts";
import { checkUrl } from "./http/arguments.ts";
import { type Page, readPage, rowOf, sentenceOf } from "./http/pages.ts";

const cli = defineCli({
  name: "fetch-all",
  summary: "Fetches many URLs at once. A failure of one does not affect the others.",
  flags: {
    concurrency: {
      type: "integer",
      default: 10,
      min: 1,
      max: 1000,
      alias: "c",
      help: "Simultaneous requests",
    },
    timeout: { type: "duration", default: "30s", alias: "t", help: "Time limit for each URL" },
    retries: { type: "integer", default: 3, min: 0, max: 100, help: "Retries of each request" },
    maxBody: { type: "size", default: "64MiB", min: "1", help: "Largest body" },
  },
  positionals: { url: { type: "list", help: "URLs to fetch, http or https" } },
  permissions: { "--allow-net": "reach any host" },
  examples: ["deno task fetch-all http://127.0.0.1:8080/a http://127.0.0.1:8080/b"],
});

/**
 * Runs the program.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ url: urls, concurrency, json, ...more }, ctx) => {
    urls.forEach(checkUrl);
    const { signal, io: { stderr, stderrIsTerminal } } = ctx;
    await using client = createClient({
      maxPerHost: concurrency,
      maxBody: more.maxBody,
      timeouts: { total: more.timeout },
      retry: { total: more.retries },
    });
    const waiting = new Map<number, FetchResult<Page>>();
    let [done, failed, next] = [0, 0, 0];
    for await (const result of fetchAll(urls, { concurrency, signal, client, read: readPage })) {
      const error = result.ok ? undefined : result.error;
      if (error instanceof NetError && error.kind === "permission") throw error;
      if (!result.ok) failed++;
      if (stderrIsTerminal) stderr(`\r${++done}/${urls.length}, ${failed} failed\x1b[K`);
      waiting.set(result.index, result);
      for (let one; (one = waiting.get(next)) !== undefined; waiting.delete(next++)) {
        if (stderrIsTerminal) stderr("\r\x1b[K");
        if (json) ctx.printJson(rowOf(one));
        else ctx.print(sentenceOf(one));
      }
    }
    return failed === 0 ? 0 : 1;
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
