import { assertEquals } from "@std/assert";
import { serveTls } from "../../../net/tls/server.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { dial } from "../../../net/internal/dial.ts";
import {
  CertificateReader,
  encodeHello,
  readTls12Certificates,
} from "../../../tools/internal/tls12_certificates.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";

const root = await writeCertificate({ cn: "Root", ca: true });
const own = await writeCertificate({ by: root, names: [{ dns: "a.test" }] });

Deno.test("readTls12Certificates() reads the chain that a server shows", async () => {
  await using server = serveTls({ cert: own.pem + root.pem, key: own.key }, () => {});
  for (const name of ["a.test", "127.0.0.1"]) {
    const raw = await dial({ port: server.addr.port });
    const found = await readTls12Certificates(raw, name, { timeout: 9000 });
    raw.close();
    assertEquals(found, [own.der, root.der]);
  }
});

Deno.test("readTls12Certificates() finds none if a server answers otherwise", async () => {
  for (const answer of ["\x15\x03\x03\0\x02\x02\x28", "HTTP/1.1 400 Bad\r\n\r\n", ""]) {
    await using server = serveTcp({}, async (conn) => {
      if (await conn.readChunk() !== null) await conn.write(answer);
    });
    const raw = await dial({ port: server.addr.port });
    assertEquals(await readTls12Certificates(raw, "a.test", { timeout: 9000 }), []);
    raw.close();
  }
});

Deno.test("encodeHello() writes lengths that fit, and no name for an address", () => {
  for (const [name, size] of [["a.test", 0], ["::1", -15]] as const) {
    const hello = encodeHello(name, new Uint8Array(32));
    assertEquals(hello.length, 143 + size);
    assertEquals([...hello.subarray(0, 11)], [
      ...[22, 3, 1, 0, hello.length - 5, 1, 0, 0, hello.length - 9, 3, 3],
    ]);
  }
});

Deno.test("CertificateReader reads messages in any pieces, and ignores lengths that lie", () => {
  const vector = (bytes: Uint8Array, size: number) => [
    ...[bytes.length >> 16, bytes.length >> 8 & 255, bytes.length & 255].slice(3 - size),
    ...bytes,
  ];
  const message = (type: number, body: number[]) => [type, ...vector(Uint8Array.from(body), 3)];
  const list = vector(Uint8Array.from([...vector(own.der, 3), ...vector(root.der, 3)]), 3);
  const messages = [...message(2, [3, 3]), ...message(11, list)];
  // Messages may be in several records, and several of them in one.
  const records = [messages.slice(0, 7), messages.slice(7)].flatMap((part) => [
    ...[22, 3, 3],
    ...vector(Uint8Array.from(part), 2),
  ]);
  const reader = new CertificateReader();
  const results = records.map((byte) => reader.push(Uint8Array.of(byte)));
  assertEquals(results.pop(), [own.der, root.der]);
  assertEquals(results.every((one) => one === undefined), true);
  const lie = message(11, [0, 0, 9, 0, 0, 200, 1]);
  assertEquals(
    new CertificateReader().push(Uint8Array.from([22, 3, 3, 0, lie.length, ...lie])),
    [],
  );
  const endless = new CertificateReader();
  let size = 0;
  while (endless.push(Uint8Array.from([22, 3, 3, 0, 0, ...new Uint8Array(0)])) === undefined) {
    size += 5;
  }
  assertEquals(size < 200_000, true);
});
