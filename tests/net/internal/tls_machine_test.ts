/** The machine by itself: two of them pass bytes to each other, and nothing else exists. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeAlert } from "../../../net/internal/tls_alerts.ts";
import { TlsMachine } from "../../../net/internal/tls_machine.ts";
import { splitRecords } from "../../_support/record_relay.ts";
import { testCertificates } from "../../_support/certificates.ts";

const { ca, good: { cert, key }, untrusted } = await testCertificates();
const NOTHING = new Uint8Array(0);
const common = { minVersion: "TLSv1.2", rejectUnauthorized: false } as const;

function machines(alpnProtocols?: string[]): [client: TlsMachine, server: TlsMachine] {
  const client = TlsMachine.client({
    context: { ...common, ca: [ca] },
    serverName: "localhost",
    alpnProtocols,
  });
  const server = TlsMachine.server({ context: { ...common, cert, key }, alpnProtocols });
  client.start();
  server.start();
  return [client, server];
}

/** Passes bytes both ways until nobody has any. */
function exchange(one: TlsMachine, other: TlsMachine): void {
  for (let bytes; (bytes = one.output()).length > 0;) {
    other.receive(bytes, NOTHING);
    exchange(other, one);
  }
}

function established(alpnProtocols?: string[]): [client: TlsMachine, server: TlsMachine] {
  const [client, server] = machines(alpnProtocols);
  exchange(client, server);
  assert(client.established && server.established);
  return [client, server];
}

function release(...all: TlsMachine[]): void {
  for (const machine of all) machine.destroy();
}

Deno.test("two machines agree on a version, a cipher, a protocol and a name", () => {
  const [client, server] = established(["echo/1"]);
  assertEquals([client.version, server.version], ["TLSv1.3", "TLSv1.3"]);
  assertEquals(client.cipher, server.cipher);
  assertEquals([client.alpnProtocol, server.alpnProtocol], ["echo/1", "echo/1"]);
  assertEquals([client.serverName, server.serverName], [undefined, "localhost"]);
  assertEquals([client.peerCertificates.length, server.peerCertificates.length], [1, 0]);
  assertEquals([client.verifyError, client.isResumed], ["", false]);
  release(client, server);
});

Deno.test("what has no place is kept, in order, and taken later", () => {
  const [client, server] = established();
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  client.write(sent);
  const received = new Uint8Array(sent.length);
  // A record that comes in halves gives nothing before its end.
  const bytes = client.output();
  let size = server.receive(bytes.subarray(0, 100), received);
  assertEquals(size, 0);
  size = server.receive(bytes.subarray(100), received.subarray(0, 7));
  assertEquals(size, 7);
  for (let n; (n = server.take(received.subarray(size, size + 1000))) > 0;) size += n;
  assertEquals(size, sent.length);
  assertEquals(received, sent);
  release(client, server);
});

Deno.test("more than one piece is encrypted whole", () => {
  const [client, server] = established();
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  const both = new Uint8Array(120_000);
  both.set(sent);
  both.set(sent, 60_000);
  client.write(both);
  const received = new Uint8Array(120_000);
  assertEquals(server.receive(client.output(), received), 120_000);
  assertEquals(received, both);
  assertEquals(client.output(), NOTHING);
  release(client, server);
});

Deno.test("only a close_notify is an end; behind any other record there is none", () => {
  const [client, server] = established();
  client.write(new Uint8Array(40_000));
  client.end();
  const [records, rest] = splitRecords(client.output());
  assertEquals([records.length, rest.length], [4, 0]);
  // The close_notify of TLS 1.3 looks like data: 2 bytes, the type of the record, and the tag.
  assertEquals([records[3]![0], records[3]!.length], [23, 5 + 2 + 1 + 16]);
  const buffer = new Uint8Array(64 * 1024);
  for (const record of records) {
    assertEquals(server.ended, false);
    server.receive(record, buffer);
  }
  assertEquals(server.ended, true);
  // The other direction is still open.
  server.write(Uint8Array.of(1, 2, 3));
  assertEquals(client.receive(server.output(), buffer), 3);
  release(client, server);
});

Deno.test("a broken record is an error, and its alert goes out once", () => {
  const [client, server] = established();
  client.write(Uint8Array.of(1));
  const bytes = client.output();
  bytes[bytes.length - 1]! ^= 1;
  assertEquals(server.receive(bytes, new Uint8Array(8)), 0);
  assert(server.error !== undefined);
  assertEquals(splitRecords(server.output())[0].length, 1);
  assertEquals(server.output(), NOTHING);
  release(client, server);
});

Deno.test("a refusing client sends an alert instead of its last message", () => {
  const [client, server] = machines();
  server.receive(client.output(), NOTHING);
  client.receive(server.output(), NOTHING);
  assertEquals([client.established, server.established], [true, false]);
  client.refuse("unknown_ca");
  const bytes = client.output();
  assertEquals(bytes, Uint8Array.of(21, 3, 3, 0, 2, 2, 48));
  server.receive(bytes, NOTHING);
  assertEquals(server.error?.message, "received fatal alert: UnknownCA");
  assertEquals(client.output(), NOTHING);
  release(client, server);
});

Deno.test("a server that waits for a name tells who speaks no TLS", () => {
  const pick = () => ({ ...common, cert, key });
  const server = TlsMachine.server({ context: pick(), pick });
  server.start();
  server.receive(new TextEncoder().encode("GET / HTTP/1.1\r\n"), NOTHING);
  assert(server.error !== undefined);
  assertEquals(server.output(), encodeAlert("decode_error"));
  release(server);
});

Deno.test("a key that does not fit is refused, and a destroyed machine is silent", () => {
  const context = { ...common, cert, key: untrusted.key };
  assertThrows(() => TlsMachine.server({ context }), Error, "does not fit");
  const [client, server] = machines();
  release(client, server, client);
  assertEquals([client.output(), client.receive(Uint8Array.of(1), NOTHING)], [NOTHING, 0]);
});
