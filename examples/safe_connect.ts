#!/usr/bin/env -S deno run --allow-net
/**
 * Connects to a host and a port, and reports the result as text and as a stable code.
 *
 * ```sh
 * deno task safe-connect example.com 443 --tls
 * ```
 *
 * **Permissions**: `--allow-net` for any host; `--allow-read=<file>` for `--ca`
 *
 * @module
 */

import type { Connection } from "../net/connection/connection.ts";
import { NetError, type NetErrorKind, type TlsFailure } from "../net/errors/errors.ts";
import { connectTcp } from "../net/tcp/client.ts";
import { connectTls } from "../net/tls/client.ts";
import { CliError, type CliIo, defineCli, readPem } from "../tools/cli.ts";

const HINTS: Partial<Record<NetErrorKind | TlsFailure, string>> = {
  refused: "the host is reachable, but nothing listens on this port",
  timeout: "no answer: the host is down, or a firewall drops the packets",
  dns: "the name does not exist, or no name server answers",
  unreachable: "there is no route to the host",
  reset: "the peer reset the connection",
  untrusted: "name a private authority with --ca",
};

const cli = defineCli({
  name: "safe-connect",
  summary: "Connects to a host and reports how the connection fails.",
  flags: {
    tls: { type: "boolean", help: "Use TLS and verify the server" },
    ca: { type: "list", placeholder: "file", help: "Authority to trust with --tls, PEM" },
    timeout: { type: "duration", default: "5s", alias: "t", help: "Time limit for connecting" },
    watch: { type: "duration", default: "200ms", min: "1ms", help: "Time to wait for a reset" },
  },
  positionals: {
    host: { type: "host", help: "Host name or IP address" },
    port: { type: "port", min: 1, help: "TCP port" },
  },
  permissions: { "--allow-net": "connect to any host", "--allow-read=<file>": "only with --ca" },
  examples: ["deno task safe-connect 127.0.0.1 8000", "deno task safe-connect --json ::1 9"],
});

/** Reads for a moment, because some peers accept a connection and then reset it. */
async function watchFor(conn: Connection, timeout: number, signal: AbortSignal): Promise<string> {
  try {
    return await conn.readChunk({ timeout, signal }) ? "the peer speaks" : "the peer ended";
  } catch (error) {
    if (error instanceof NetError && error.kind === "timeout") return "the peer waits";
    throw error;
  }
}

/** Runs the program with the arguments of its command line. Returns the exit code of the process. */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ host, port, tls, ca, timeout, watch, json }, ctx) => {
    const caCerts = await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE")));
    const secured = tls && { caCerts, handshakeTimeout: timeout };
    const to = { hostname: host, port, timeout, signal: ctx.signal, ...secured };
    const started = performance.now();
    try {
      await using conn = await (tls ? connectTls : connectTcp)(to);
      const [address, ms] = [conn.peer, Math.round(performance.now() - started)];
      const then = await watchFor(conn, watch, ctx.signal);
      if (json) ctx.printJson({ ok: true, address, ms, then });
      else ctx.print(`Connected to ${address} in ${ms} ms; ${then}`);
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      const { name: _, kind, ...facts } = error;
      if (json) ctx.printJson({ ok: false, kind, ...facts, message: error.message });
      const hint = [kind, HINTS[error.tls ?? kind]].filter(Boolean).join(": ");
      throw kind === "permission" ? error : new CliError(`${error.message} [${hint}]`);
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
