#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TLS client that verifies the server, sends one message and prints the reply.
 *
 * There is no flag to skip verification: a private authority is trusted by naming its file.
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
  summary: "Sends one message over TLS and prints the reply; the server is verified.",
  flags: {
    hostname: { type: "host", default: "127.0.0.1", alias: "host", help: "Server to connect to" },
    port: { type: "port", default: 8443, min: 1, help: "Its port" },
    message: { type: "string", default: "Hello, Server!", alias: "m", help: "What to send" },
    ca: {
      type: "list",
      placeholder: "file",
      help: "Authority to trust besides the known ones, PEM",
    },
    cert: { type: "string", placeholder: "file", help: "Certificate to show, PEM; with --key" },
    key: { type: "string", placeholder: "file", help: "Its private key, PEM" },
    serverName: { type: "host", help: "Name that the certificate must bear, if not --hostname" },
    connectTimeout: { type: "duration", default: "10s", help: "How long connecting may take" },
    handshakeTimeout: { type: "duration", default: "10s", help: "How long the handshake may take" },
    readTimeout: { type: "duration", default: "10s", help: "How long the server may be silent" },
  },
  permissions: {
    "--allow-net=127.0.0.1": "connect there; name another host the same way",
    "--allow-read=<file>": "only with --ca, --cert, --key",
  },
  examples: ["deno run -q -P=tls-client --allow-read=ca.pem examples/tls_client.ts --ca ca.pem"],
});

/**
 * Runs the client.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, { signal, log, print, printJson }) => {
    const { message, ca, connectTimeout, json, ...flags } = values;
    const caCerts = await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE")));
    if (!flags.cert !== !flags.key) throw new CliError("--cert and --key go together", 2);
    const cert = flags.cert && await readPem(flags.cert, "CERTIFICATE");
    const key = flags.key && await readPem(flags.key, "PRIVATE KEY");
    const options = { ...flags, cert, key, timeout: connectTimeout, caCerts, signal };
    await using conn = await connectTls(options).catch((error) => {
      if (!(error instanceof NetError && error.tls === "untrusted")) throw error;
      throw new CliError(`${error.message}; --ca trusts an authority of your own`);
    });
    log.debug("connected to {peer}, certificate verified", { peer: conn.peer });
    await conn.write(message);
    // A reply may come in pieces; it is whole when the server ends.
    for await (const reply of conn.lines({ signal })) {
      if (json) printJson({ peer: conn.peer, reply });
      else print(reply);
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
