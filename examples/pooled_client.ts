#!/usr/bin/env -S deno run --allow-net
/**
 * Requests a URL many times over a few connections. It retries up to 3 times with backoff after 500,
 * 502, 503, 504 and failed connections, and opens up to 10 connections to a host.
 *
 * ```sh
 * deno task pooled-client http://127.0.0.1:8080/ --requests 100
 * ```
 *
 * **Permissions**: `--allow-net`, because the command line may name any host
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { NetError } from "../net/errors/errors.ts";
import { CliError, type CliIo, defineCli } from "../tools/cli.ts";
import { checkUrl, shownUrl } from "./http/arguments.ts";

const cli = defineCli({
  name: "pooled-client",
  summary: "Requests a URL many times over few connections, and retries failures.",
  flags: {
    requests: { type: "integer", default: 20, min: 1, max: 100_000, alias: "n", help: "Requests" },
    pool: { type: "integer", default: 10, min: 1, max: 1000, help: "Connections to the host" },
    retries: { type: "integer", default: 3, min: 0, max: 100, help: "Retries of each request" },
    backoff: { type: "number", default: 0.5, min: 0, max: 60, help: "Backoff factor in seconds" },
    timeout: { type: "duration", default: "30s", alias: "t", help: "Time limit for a response" },
  },
  positionals: { url: { help: "URL to request, http or https" } },
  permissions: { "--allow-net": "reach any host" },
  examples: ["deno task pooled-client http://127.0.0.1:8080/ -n 100"],
});

/** Runs the program with the arguments of its command line. Returns the exit code of the process. */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ url, requests, json, ...more }, ctx) => {
    checkUrl(url);
    await using client = createClient({
      maxPerHost: more.pool,
      maxQueued: requests,
      retry: { total: more.retries, backoffFactor: more.backoff },
      timeouts: { headers: more.timeout, body: more.timeout, queue: 0 },
      hooks: {
        beforeRetry: ({ status, error, delay }) =>
          ctx.log.warn("retry in {delay} ms: {why}", { delay, why: status ?? error?.message }),
      },
    });
    const [started, outcomes] = [performance.now(), new Map<string, number>()];
    let last: unknown;
    const ask = async () => {
      try {
        const response = await client.get(url, { signal: ctx.signal, raiseForStatus: false });
        await response.body?.pipeTo(new WritableStream());
        return String(response.status);
      } catch (error) {
        last = error;
        return error instanceof NetError ? error.kind : "failed";
      }
    };
    for (const outcome of await Promise.all(Array.from({ length: requests }, ask))) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    ctx.signal.throwIfAborted();
    if (last instanceof NetError && last.kind === "permission") throw last;
    const ms = Math.round(performance.now() - started);
    const { requests: sent, retries: again } = client.stats();
    const row = { url: shownUrl(url), ms, sent, retries: again };
    if (json) ctx.printJson({ ...row, outcomes: Object.fromEntries(outcomes) });
    else for (const [outcome, count] of outcomes) ctx.print(`${outcome}: ${count}`);
    ctx.log.info(`${sent} requests sent, ${again} of them retries, in ${ms} ms`);
    if (last !== undefined) throw last;
    const bad = [...outcomes.keys()].filter((status) => Number(status) >= 400);
    if (bad.length > 0) throw new CliError(`The server answered ${bad.join(", ")}`);
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
