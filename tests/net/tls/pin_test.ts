import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTls } from "../../../net/tls/client.ts";
import type { ConnectTlsOptions } from "../../../net/tls/options.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";

const DAY = 86_400_000;
const own = await writeCertificate({ cn: "anything", ca: true });
const other = await writeCertificate({ cn: "other" });
const fingerprint = new Uint8Array(await crypto.subtle.digest("SHA-256", own.der)).toHex();

function serve(shown = own) {
  return serveTls({ cert: shown.pem, key: shown.key }, (conn) => conn.write("hello\n"));
}

async function failureOf(options: ConnectTlsOptions): Promise<NetError> {
  return await assertRejects(async () => (await connectTls(options)).abort(), NetError);
}

Deno.test("a pin identifies a server whose authority and name are unknown", async () => {
  await using server = serve();
  const { port } = server.addr;
  const colons = fingerprint.toUpperCase().match(/../g)!.join(":");
  for (
    const pin of [
      own.pin,
      own.pin.replace("/", "//"),
      fingerprint,
      colons,
      [other.pin, own.pin],
    ]
  ) {
    await using conn = await connectTls({ port, pin });
    assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
  }
});

Deno.test("a server with another key is refused, and the error has its pin", async () => {
  await using server = serve();
  const { port } = server.addr;
  for (const pin of [other.pin, [other.pin], "0".repeat(64)]) {
    const error = await failureOf({ port, pin, caCerts: [own.pem] });
    assertEquals([error.kind, error.phase, error.tls], ["tls", "handshake", "pin"]);
    assertEquals(
      error.message,
      `TLS handshake failed with 127.0.0.1:${port}: its key has the pin ${own.pin}, ` +
        "which is not an expected one",
    );
  }
});

Deno.test("a pinned certificate must be valid now", async () => {
  for (
    const [dates, reason] of [
      [
        { notBefore: new Date(Date.now() - 2 * DAY), notAfter: new Date(Date.now() - DAY) },
        "expired",
      ],
      [{ notBefore: new Date(Date.now() + DAY) }, "not-yet-valid"],
    ] as const
  ) {
    const shown = await writeCertificate({ cn: "dated", ...dates });
    await using server = serve(shown);
    assertEquals((await failureOf({ port: server.addr.port, pin: shown.pin })).tls, reason);
  }
});

Deno.test("only the server's own certificate is compared, not its authority", async () => {
  const shown = await writeCertificate({ cn: "below", by: own });
  const chain = { ...shown, pem: shown.pem + own.pem };
  await using server = serve(chain);
  assertEquals((await failureOf({ port: server.addr.port, pin: own.pin })).tls, "pin");
});

Deno.test("pins are checked before anything is sent", async () => {
  for (const pin of ["", "sha256/AAAA", "sha1/AAAA", [], ["x"], 1 as never, [1] as never]) {
    const error = await assertRejects(() => connectTls({ port: 1, pin }));
    assertEquals(error instanceof TypeError || error instanceof RangeError, true, `${error}`);
    assertEquals((error as Error).message.startsWith("pin"), true, `${error}`);
  }
  await assertRejects(
    () => connectTls({ port: 1, pin: own.pin, engine: "deno" }),
    TypeError,
    'engine must not be "deno" with the option pin, which needs node:tls',
  );
});
