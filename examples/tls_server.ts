#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TLS server that answers one message of each client with `Secure response`. Without `--cert` and
 * `--key` it makes a certificate; `--write-ca` saves its authority, so that clients can verify it.
 *
 * ```sh
 * deno run -q -P=tls-server --allow-write=ca.pem examples/tls_server.ts --write-ca ca.pem
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-read` and `--allow-write` for the files of its flags
 *
 * @module
 */

import { developmentCertificate } from "../net/tls/certificate.ts";
import { serveTls } from "../net/tls/server.ts";
import { CliError, type CliIo, defineCli, readPem, serverFlags } from "../tools/cli.ts";

const cli = defineCli({
  name: "tls-server",
  summary: "Answers one message per connection with `Secure response` (TLS).",
  flags: {
    ...serverFlags(8443),
    cert: { type: "string", placeholder: "file", help: "Certificate chain, PEM; with --key" },
    key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
    writeCa: { type: "string", placeholder: "file", help: "Save the development authority, PEM" },
    clientCa: { type: "list", placeholder: "file", help: "Authority of client certificates" },
    maxConnections: { type: "integer", default: 1024, min: 0, help: "Clients; 0: no limit" },
    handshakeTimeout: { type: "duration", default: "10s", help: "Time limit for a handshake" },
    readTimeout: { type: "duration", default: "30s", help: "Idle time of a client; 0: no limit" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "listen on this address",
    "--allow-read=<file>": "only with --cert and --key, --client-ca",
    "--allow-write=<file>": "only with --write-ca",
  },
  examples: [
    "deno run -q -P=tls-server --allow-write=ca.pem examples/tls_server.ts --write-ca ca.pem",
    "deno run -q -P=tls-client --allow-read=ca.pem examples/tls_client.ts --ca ca.pem",
  ],
});

/** Reads the certificate and the key of the flags; undefined without these flags. */
async function readPair(cert?: string, key?: string, writeCa?: string) {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined || writeCa !== undefined) {
    throw new CliError("--cert and --key go together, and without --write-ca", 2);
  }
  return { cert: await readPem(cert, "CERTIFICATE"), key: await readPem(key, "PRIVATE KEY") };
}

/** Runs the server with the arguments of its command line. Returns the exit code of the process. */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ drain, cert, key, writeCa, ...flags }, ctx) => {
    const names = [...new Set(["localhost", "127.0.0.1", "::1", flags.hostname])];
    const pair = await readPair(cert, key, writeCa) ?? await developmentCertificate({ names });
    if ("ca" in pair && writeCa !== undefined) await Deno.writeTextFile(writeCa, pair.ca);
    const clientCa = await Promise.all(flags.clientCa.map((file) => readPem(file, "CERTIFICATE")));
    const clientAuth = clientCa.length > 0 ? "require" : "none";
    const options = { ...flags, clientAuth, clientCa, cert: pair.cert, key: pair.key } as const;
    await using server = serveTls(options, async (conn) => {
      const chunk = await conn.readChunk();
      if (chunk === null) return;
      const who = `${conn.peer} ${conn.tls?.peerCertificate?.commonName ?? ""}`.trim();
      ctx.log.info("{who} says: {message}", {
        who,
        message: new TextDecoder().decode(chunk).trimEnd(),
      });
      await conn.write("Secure response");
    });
    if ("ca" in pair) ctx.log.info(`development certificate, SHA-256 ${pair.fingerprint}`);
    ctx.listening(server);
    await ctx.untilShutdown(server, { drain });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
