/**
 * Alerts (RFC 8446 §6): what both engines say about those that they receive, and which ones they send.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { ServerEvent } from "../../../net/tcp/server.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls, type ServeTlsOptions } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { LOOPBACK } from "../../_support/errors.ts";
import { OpenSsl } from "../../_support/openssl.ts";
import { needs } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";

const certs = await testCertificates();
const { ca, good } = certs;
const ENGINES = ["deno", "node"] as const;
const openssl = needs("openssl");

/** A fatal alert as a record without encryption. */
function alert(description: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, description);
}

/** Connects to a server that answers the first message with the bytes. */
async function answered(bytes: Uint8Array, engine: "deno" | "node"): Promise<NetError> {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    await conn.read(buffer);
    await conn.write(bytes);
    await conn.closeWrite();
    while (await conn.read(buffer).catch(() => null) !== null);
  })();
  const { port } = listener.addr;
  const error = await assertRejects(() => connectTls({ port, engine, caCerts: [ca] }), NetError);
  await serving;
  assertEquals([error.kind, error.phase], ["tls", "handshake"]);
  return error;
}

Deno.test("a received alert becomes the same sentence on both engines", async () => {
  const rows = [
    [10, "handshake", "the peer did not expect a message of this side"],
    [
      40,
      "version",
      "no TLS version or cipher in common, or the peer requires a client certificate",
    ],
    [42, "rejected", "the peer refused the certificate of this side"],
    [45, "rejected", "the peer refused the certificate of this side: it is not valid now"],
    [48, "rejected", "the peer refused the certificate of this side: its authority is not trusted"],
    [49, "rejected", "the peer denies access to this side"],
    [70, "version", "the peer does not support a TLS version of this side"],
    [71, "version", "the peer requires stronger ciphers"],
    [80, "handshake", "the peer had an internal error"],
    [90, "handshake", "the peer canceled the handshake"],
    [112, "handshake", "the server does not serve this name"],
    [116, "client-certificate", "a client certificate is required"],
    [120, "handshake", "the peers have no application protocol in common"],
    // No RFC defines it.
    [200, "handshake", "the handshake failed (received fatal alert: AlertDescription(0xc8))"],
  ] as const;
  for (const engine of ENGINES) {
    for (const [description, failure, sentence] of rows) {
      const error = await answered(alert(description), engine);
      assertEquals(error.tls, failure, `${engine}, ${description}: ${error.message}`);
      assertStringIncludes(error.message, sentence);
    }
  }
});

/** Starts a server that records its failed handshakes. */
function serve(options: Partial<ServeTlsOptions>) {
  const errors: NetError[] = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "handshake-error") errors.push(event.error);
  };
  const { cert, key } = good;
  return { server: serveTls({ cert, key, ...options, onEvent }, () => {}), errors };
}

Deno.test("a server tells who speaks plain text by a decode_error", async () => {
  const rows: Partial<ServeTlsOptions>[] = [
    { engine: "deno" },
    { engine: "node" },
    // The machine then waits for the name.
    { sni: [certs.wrongName] },
  ];
  for (const options of rows) {
    const { server, errors } = serve(options);
    await using _server = server;
    using conn = await Deno.connect({ hostname: LOOPBACK, port: server.addr.port });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const buffer = new Uint8Array(64);
    let size = 0;
    for (let n; size < 7 && (n = await conn.read(buffer.subarray(size))) !== null;) size += n;
    assertEquals(buffer.subarray(0, size), alert(50), JSON.stringify(Object.keys(options)));
    await until(() => errors.length === 1);
    assertEquals([errors[0]!.kind, errors[0]!.tls], ["tls", "not-tls"]);
  }
});

/** Options of a server, arguments of `s_client`, the alert that it gets, and our words. */
const REFUSALS: ReadonlyArray<
  readonly [string, Partial<ServeTlsOptions>, string[], number, RegExp]
> = [
  [
    "no application protocol in common",
    { alpnProtocols: ["ours/1"] },
    ["-alpn", "theirs/1"],
    120,
    /no application protocol in common/,
  ],
  ["no key exchange in common", {}, ["-groups", "P-521"], 40, /no key exchange in common/],
  [
    "TLS 1.2 to a server of 1.3",
    { minVersion: "TLSv1.3" },
    ["-tls1_2"],
    70,
    /the client offers no TLS version that this side allows/,
  ],
  [
    "TLS 1.1 to a server that selects certificates",
    { sni: [certs.wrongName] },
    ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    70,
    /before TLS 1\.2/,
  ],
  [
    "no client certificate, TLS 1.3",
    { clientAuth: "require", clientCa: [ca] },
    ["-tls1_3"],
    116,
    /the client showed no certificate/,
  ],
  [
    "no client certificate, TLS 1.2",
    { clientAuth: "require", clientCa: [ca] },
    ["-tls1_2"],
    116,
    /the client showed no certificate/,
  ],
];

for (const [name, options, args, description, sentence] of REFUSALS) {
  Deno.test({
    name: `a server sends openssl s_client the alert ${description}: ${name}${openssl.suffix}`,
    ignore: openssl.ignore,
    async fn() {
      const needsNode = ["minVersion", "sni", "clientAuth"].some((key) => key in options);
      for (const engine of needsNode ? ["node"] as const : ENGINES) {
        const { server, errors } = serve({ ...options, engine });
        await using _server = server;
        await using client = OpenSsl.client(server.addr.port, ...args);
        await client.until(new RegExp(`SSL alert number ${description}\\b`));
        await until(() => errors.length === 1);
        assertEquals(errors[0]!.kind, "tls");
        assert(sentence.test(errors[0]!.message), errors[0]!.message);
      }
    },
  });
}

/** The certificate of a server, our reason for refusing it, and the alert that says so. */
const UNFIT = [
  ["untrusted", certs.untrusted, 48],
  ["expired", certs.expired, 45],
  ["not-yet-valid", certs.notYetValid, 45],
  ["wrong-name", certs.wrongName, 42],
] as const;

for (const engine of ENGINES) {
  for (const version of ["1.2", "1.3"]) {
    Deno.test({
      name: `a client on ${engine} tells openssl s_server why, TLS ${version}${openssl.suffix}`,
      ignore: openssl.ignore,
      async fn() {
        for (const [failure, { cert, key }, description] of UNFIT) {
          const flag = version === "1.2" ? "-tls1_2" : "-tls1_3";
          const { port, server } = await OpenSsl.server(cert + key, flag);
          await using _server = server;
          const dialling = () => connectTls({ port, engine, caCerts: [ca] });
          const error = await assertRejects(dialling, NetError);
          assertEquals([error.kind, error.tls], ["tls", failure], error.message);
          await server.until(new RegExp(`SSL alert number ${description}\\b`));
        }
      },
    });
  }
}

Deno.test({
  name: `a server tells openssl s_client that its certificate is not trusted, TLS 1.2` +
    openssl.suffix,
  ignore: openssl.ignore,
  async fn() {
    const { server, errors } = serve({ clientAuth: "request", clientCa: [ca] });
    await using _server = server;
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    const stranger = await developmentCertificate({ usage: "client" });
    await Deno.writeTextFile(file, stranger.cert + stranger.key);
    await using client = OpenSsl.client(server.addr.port, "-tls1_2", "-cert", file);
    await client.until(/SSL alert number 48\b/);
    await until(() => errors.length === 1);
    assertEquals([errors[0]!.kind, errors[0]!.tls], ["tls", "untrusted"]);
    await Deno.remove(file);
  },
});

for (const engine of ENGINES) {
  Deno.test(`the server of this package tells a refusing client from a broken one: ${engine}`, async () => {
    const { cert, key } = certs.untrusted;
    const { server, errors } = serve({ engine, cert, key });
    await using _server = server;
    const { port } = server.addr;
    for (const client of ENGINES) {
      await assertRejects(() => connectTls({ port, engine: client, caCerts: [ca] }), NetError);
    }
    await until(() => errors.length === 2);
    for (const error of errors) {
      assertEquals([error.kind, error.tls], ["tls", "rejected"]);
      assertStringIncludes(error.message, "its authority is not trusted");
    }
  });
}
