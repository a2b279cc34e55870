#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TLS client that verifies the server, sends one message and prints the reply.
 *
 * No flag disables verification. To trust a private authority, name its file with `--ca`. To trust one
 * key, name its pin with `--pin`.
 *
 * ```sh
 * deno run -q -P=tls-client --allow-read=ca.pem examples/tls_client.ts --ca ca.pem
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1`; `--allow-read=<file>` for `--ca`
 *
 * @module
 */

import { NetError } from "../net/errors/errors.ts";
import { connectTls } from "../net/tls/client.ts";
import { CliError, type CliIo, defineCli, readPem } from "../tools/cli.ts";

const cli = defineCli({
  name: "tls-client",
  summary: "Verifies a TLS server, sends one message and prints the reply.",
  flags: {
    hostname: { type: "host", default: "127.0.0.1", alias: "host", help: "Server to connect to" },
    port: { type: "port", default: 8443, min: 1, help: "Port of the server" },
    message: { type: "string", default: "Hello, Server!", alias: "m", help: "Text to send" },
    ca: { type: "list", placeholder: "file", help: "Additional authority to trust, PEM" },
    pin: {
      type: "list",
      placeholder: "pin",
      help: "Key to trust, as sha256/BASE64 or fingerprint",
    },
    cert: { type: "string", placeholder: "file", help: "Client certificate, PEM; with --key" },
    key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
    serverName: { type: "host", help: "Name in the certificate, if it is not --hostname" },
    connectTimeout: { type: "duration", default: "10s", help: "Time limit for connecting" },
    handshakeTimeout: { type: "duration", default: "10s", help: "Time limit for the handshake" },
    readTimeout: { type: "duration", default: "10s", help: "Time limit for the reply" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "connect to this address; name other hosts the same way",
    "--allow-read=<file>": "only with --ca, --cert, --key",
  },
  examples: ["deno run -q -P=tls-client --allow-read=ca.pem examples/tls_client.ts --ca ca.pem"],
});

/**
 * Runs the client.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, { signal, log, print, printJson }) => {
    const { message, ca, pin, connectTimeout, json, ...flags } = values;
    const caCerts = await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE")));
    if (!flags.cert !== !flags.key) throw new CliError("--cert and --key go together", 2);
    const cert = flags.cert && await readPem(flags.cert, "CERTIFICATE");
    const key = flags.key && await readPem(flags.key, "PRIVATE KEY");
    const trust = pin.length > 0 ? { pin } : { caCerts };
    const options = { ...flags, ...trust, cert, key, timeout: connectTimeout, signal };
    await using conn = await connectTls(options).catch((error) => {
      if (!(error instanceof NetError && error.tls === "untrusted")) throw error;
      throw new CliError(`${error.message}; name a private authority with --ca`);
    });
    log.debug("connected to {peer}, certificate verified", { peer: conn.peer });
    await conn.write(message);
    // The reply can arrive in several chunks. It is complete when the server closes.
    for await (const reply of conn.lines({ signal })) {
      if (json) printJson({ peer: conn.peer, reply });
      else print(reply);
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
