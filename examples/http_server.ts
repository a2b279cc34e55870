#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * An HTTP server of JSON: GET returns a greeting, POST returns the body of the request as text. Slow,
 * large or malformed requests get problem details (RFC 9457), and other methods get 405.
 *
 * ```sh
 * deno task http-server
 * curl -d 'some data' http://127.0.0.1:8080/some/path
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

import { accessLog } from "../http/handlers/access_log.ts";
import { json } from "../http/handlers/json.ts";
import { ProblemError } from "../http/problem.ts";
import { router } from "../http/handlers/router.ts";
import { ALLOW_HOST, publicNames, TRUST_PROXY } from "./http/public_names.ts";
import { serveHttp } from "../http/server/server.ts";
import { type CliIo, defineCli, serverFlags } from "../tools/cli.ts";

const cli = defineCli({
  name: "http-server",
  summary: "Greets with JSON and gives back what is posted (HTTP).",
  flags: {
    ...serverFlags(8080),
    maxBody: { type: "size", default: "10MiB", min: "1", max: "1GiB", help: "Largest body" },
    bodyTimeout: { type: "duration", default: "30s", help: "Longest pause in a body; 0: any" },
    maxRequests: { type: "integer", default: 1024, min: 0, help: "Requests at once; 0: any" },
    allowHost: ALLOW_HOST,
    trustProxy: TRUST_PROXY,
  },
  permissions: { "--allow-net=127.0.0.1": "listen there" },
  examples: [
    "deno task http-server",
    "curl http://127.0.0.1:8080/some/path",
    "curl -d 'some data' http://127.0.0.1:8080/some/path",
  ],
});

/** Returns the path without the query. */
const pathOf = (request: Request) => new URL(request.url).pathname;

const handler = router({
  "GET /*": (request) => json({ path: pathOf(request), method: "GET", message: "Hello, World!" }),
  "POST /*": async (request) =>
    json({ path: pathOf(request), method: "POST", data: await textOf(request) }),
});

async function textOf(request: Request): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await request.bytes());
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new ProblemError(400, { detail: "The body is not UTF-8", cause });
  }
}

/**
 * Runs the server.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    const { hostname, port, maxBody, bodyTimeout, maxRequests, allowHost, trustProxy } = values;
    const options = { hostname, port, maxBody, bodyTimeout, maxRequests };
    const names = publicNames(allowHost, trustProxy);
    await using server = serveHttp({ ...options, ...names }, accessLog(handler));
    ctx.listening(server);
    await ctx.untilShutdown(server, { drain: values.drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
