import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatAddress,
  isGlobalAddress,
  isLoopback,
  normalizeHostname,
  parseHostPort,
  peerNetwork,
} from "../../net/address.ts";

Deno.test("formatAddress() writes every kind of address", () => {
  const rows: Array<[Parameters<typeof formatAddress>[0], string]> = [
    [{ transport: "tcp", hostname: "127.0.0.1", port: 80 }, "127.0.0.1:80"],
    [{ transport: "udp", hostname: "0.0.0.0", port: 0 }, "0.0.0.0:0"],
    [{ transport: "tcp", hostname: "::1", port: 80 }, "[::1]:80"],
    [{ transport: "tcp", hostname: "fe80::1%eth0", port: 80 }, "[fe80::1%eth0]:80"],
    [{ transport: "tcp", hostname: "::ffff:10.0.0.7", port: 80 }, "10.0.0.7:80"],
    [{ hostname: "example.com", port: 443 }, "example.com:443"],
    [{ hostname: new URL("http://[::1]:80").hostname, port: 80 }, "[::1]:80"],
    [{ hostname: "[::ffff:10.0.0.7]", port: 80 }, "10.0.0.7:80"],
    [{ transport: "unix", path: "/run/x.sock" }, "unix:/run/x.sock"],
    [{ transport: "unixpacket", path: "/run/y" }, "unix:/run/y"],
    [{ transport: "memory", name: "a" }, "memory:a"],
    [{ transport: "vsock", cid: 3, port: 9000 }, "vsock:3:9000"],
  ];
  for (const [address, text] of rows) assertEquals(formatAddress(address), text);
});

Deno.test("formatAddress() lets nobody write into a terminal", () => {
  assertEquals(formatAddress({ hostname: "a\x1b[2J\n", port: 1 }), "a\\x1B[2J\\n:1");
  assertEquals(formatAddress({ transport: "unix", path: "/run/\nx" }), "unix:/run/\\nx");
  assertEquals(formatAddress({ transport: "memory", name: "a\u202eb" }), "memory:a\\u{202E}b");
});

Deno.test("formatAddress() names what real sockets report", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(formatAddress(listener.addr), `127.0.0.1:${port}`);
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await listener.accept();
  assertEquals(formatAddress(client.remoteAddr), `127.0.0.1:${port}`);
  assertEquals(formatAddress(server.remoteAddr), formatAddress(client.localAddr));
});

/** A listener for both address families, if this machine has them. */
function listenOnBoth(): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "::", port: 0 });
  } catch {
    return undefined;
  }
}

const both = listenOnBoth();
both?.close();
Deno.test({
  name: `an IPv4 peer of a listener on :: has its IPv4 address${both ? "" : " (no IPv6)"}`,
  ignore: both === undefined,
  async fn() {
    using listener = listenOnBoth()!;
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using server = await listener.accept();
    assertEquals(server.remoteAddr.hostname, "::ffff:127.0.0.1");
    assertEquals(normalizeHostname(server.remoteAddr.hostname), "127.0.0.1");
    assertEquals(formatAddress(server.remoteAddr), formatAddress(client.localAddr));
  },
});

Deno.test("normalizeHostname() knows every way to write a mapped address", () => {
  for (
    const mapped of [
      "::ffff:127.0.0.1",
      "::FFFF:127.0.0.1",
      "::ffff:7f00:1",
      "::ffff:7F00:0001",
      "0:0:0:0:0:ffff:127.0.0.1",
      "0000:0000:0000:0000:0000:ffff:7f00:0001",
      "0::ffff:127.0.0.1",
      "::0:ffff:7f00:1",
      "0:0::0:ffff:127.0.0.1",
    ]
  ) {
    assertEquals(normalizeHostname(mapped), "127.0.0.1", mapped);
  }
  assertEquals(normalizeHostname("::ffff:c0a8:0a14"), "192.168.10.20");
});

Deno.test("normalizeHostname() leaves everything else alone", () => {
  for (
    const other of [
      "",
      "::",
      "::1",
      "::ffff",
      "::ffff:1",
      "::fffe:127.0.0.1",
      "1::ffff:127.0.0.1",
      "64:ff9b::7f00:1",
      "127.0.0.1",
      "example.com",
      "EXAMPLE.com",
      "::ffff:127.0.0.1%eth0",
      "::ffff:127.0.0.1\n",
      "::ffff:127.0.0.256",
      "::ffff:127.0.0.1.1",
      "::ffff:7f00:1:",
      "::ffff:7f000:1",
      "0:0:0:0:0:0:ffff:127.0.0.1",
      "0::0:0::0:ffff:127.0.0.1",
      "0:ffff:7f00:1",
      "[::ffff:127.0.0.1]",
      "a::ffff:127.0.0.1",
    ]
  ) {
    assertEquals(normalizeHostname(other), other);
  }
});

Deno.test("normalizeHostname() does to every IPv4 address what the kernel undoes", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(fc.property(byte, byte, byte, byte, (a, b, c, d) => {
    const address = `${a}.${b}.${c}.${d}`;
    const [high, low] = [a * 256 + b, c * 256 + d];
    assertEquals(normalizeHostname(`::ffff:${address}`), address);
    assertEquals(normalizeHostname(`::ffff:${high.toString(16)}:${low.toString(16)}`), address);
    assertEquals(normalizeHostname(address), address);
    assertEquals(isLoopback(`::ffff:${address}`), a === 127);
  }));
});

Deno.test("parseHostPort() reads names and addresses", () => {
  const rows: Array<[string, string, number]> = [
    ["localhost:80", "localhost", 80],
    ["127.0.0.1:0", "127.0.0.1", 0],
    ["example.com:65535", "example.com", 65535],
    ["a:00080", "a", 80],
    ["bücher.example:1", "bücher.example", 1],
    ["[::1]:80", "::1", 80],
    ["[::]:80", "::", 80],
    ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
    ["[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80],
    ["[2001:DB8::1]:443", "2001:DB8::1", 443],
  ];
  for (const [text, hostname, port] of rows) {
    assertEquals(parseHostPort(text), { hostname, port }, text);
  }
});

Deno.test("parseHostPort() says what is wrong", () => {
  const rows: Array<[string, string]> = [
    ["", "it has no host"],
    [":80", "it has no host"],
    ["[]:80", "it has no host"],
    ["localhost", "it has no port"],
    ["localhost:", "it has no port"],
    ["[::1]", "it has no port"],
    ["::1", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["::1:80", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["fe80::1%eth0", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["::1::2", "it has no host"],
    ["a:b:80", `"b:80" is no port from 0 to 65535`],
    ["[::1]80", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["[::1:80", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["a[::1]:80", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["[localhost]:80", "only an IPv6 address stands in brackets"],
    ["[127.0.0.1]:80", "only an IPv6 address stands in brackets"],
    ["[::::]:80", "only an IPv6 address stands in brackets"],
    ["[1:2:3]:80", "only an IPv6 address stands in brackets"],
    ["[fe80::1%]:80", "only an IPv6 address stands in brackets"],
    ["[fe80::1%a%b]:80", "only an IPv6 address stands in brackets"],
    ["[::1]/:80", "an IPv6 address stands in brackets, as in [::1]:80"],
    ["a b:80", `"a b" is no host`],
    ["a\x1b:80", `"a\\x1B" is no host`],
    ["a/b:80", `"a/b" is no host`],
    ["a\\b:80", `"a\\b" is no host`],
    ["user@a:80", `"user@a" is no host`],
    ["a?b:80", `"a?b" is no host`],
    ["a#b:80", `"a#b" is no host`],
    ["a\u202eb:80", `"a\\u{202E}b" is no host`],
    ["a\ufeff:80", `"a\\u{FEFF}" is no host`],
    ["http://a:80", `"//a:80" is no port from 0 to 65535`],
    ["a:65536", `"65536" is no port from 0 to 65535`],
    ["a:999999999999", `"999999999999" is no port from 0 to 65535`],
    ["a:-1", `"-1" is no port from 0 to 65535`],
    ["a:+1", `"+1" is no port from 0 to 65535`],
    ["a:1.5", `"1.5" is no port from 0 to 65535`],
    ["a:1e3", `"1e3" is no port from 0 to 65535`],
    ["a:0x50", `"0x50" is no port from 0 to 65535`],
    ["a: 80", `" 80" is no port from 0 to 65535`],
    ["a:80\n", `"80\\n" is no port from 0 to 65535`],
    ["a:٨٠", `"٨٠" is no port from 0 to 65535`],
  ];
  for (const [text, why] of rows) {
    const { message } = assertThrows(() => parseHostPort(text), TypeError);
    assert(message.endsWith(`: ${why}`), `${JSON.stringify(text)}: ${message}`);
    assert(message.startsWith('Cannot read the address "'), message);
    assert(!message.includes("\n") && !message.includes("\x1b"), JSON.stringify(message));
  }
});

Deno.test("parseHostPort() reads back what formatAddress() writes", () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
  const hostname = fc.oneof(name, fc.ipV4(), fc.ipV6().filter((ip) => !/ffff:/i.test(ip)));
  const port = fc.integer({ min: 0, max: 65535 });
  fc.assert(fc.property(hostname, port, (hostname, port) => {
    assertEquals(parseHostPort(formatAddress({ hostname, port })), { hostname, port });
  }));
});

Deno.test("parseHostPort() gives an address or a TypeError for any text", () => {
  const piece = fc.constantFrom("[", "]", ":", "::1", "80", "a", "%", "/", " ", "\0", ".", "127");
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.array(piece).map((all) => all.join("")));
  fc.assert(
    fc.property(text, (text) => {
      try {
        const { hostname, port } = parseHostPort(text);
        assert(hostname !== "" && !/[\s[\]/\0]/.test(hostname), JSON.stringify(text));
        assert(Number.isInteger(port) && port >= 0 && port <= 65535);
      } catch (error) {
        assert(error instanceof TypeError, `${error}`);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("isLoopback() knows this machine in all its names", () => {
  for (
    const host of [
      "127.0.0.1",
      "127.255.255.255",
      "::1",
      "0:0:0:0:0:0:0:1",
      "0::1",
      "::0001",
      "::0.0.0.1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "0:0:0:0:0:FFFF:127.0.0.1",
      "localhost",
      "LOCALHOST",
      "localhost.",
      "app.localhost",
      "app.LocalHost.",
    ]
  ) {
    assertEquals(isLoopback(host), true, host);
  }
});

Deno.test("isLoopback() takes nothing else for this machine", () => {
  for (
    const host of [
      "",
      ".",
      "0.0.0.0",
      "::",
      "::2",
      "128.0.0.1",
      "127.0.0.256",
      "127.0.0",
      "127.1",
      "127.0.0.1.",
      "127.0.0.1.example.com",
      "127.0.0.1:80",
      "127.0.0.1\n",
      "[::1]",
      "::1\n",
      "::1/128",
      "::ffff:128.0.0.1",
      "localhost.example.com",
      "notlocalhost",
      ".localhost",
      "localhost\n",
      "localhost..",
      "2130706433",
      "0x7f.1",
    ]
  ) {
    assertEquals(isLoopback(host), false, JSON.stringify(host));
  }
});

Deno.test("formatAddress() takes the unnamed end of a Unix socket, which Deno calls null", () => {
  const path = null as unknown as string;
  assertEquals(formatAddress({ transport: "unix", path }), "unix:");
});

Deno.test("isGlobalAddress() tells public addresses from all others, however they are written", () => {
  const global = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "[2606:4700::1111]", "64:ff9b::808:808"];
  for (const address of global) assertEquals(isGlobalAddress(address), true, address);
  const special = [
    ...["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1"],
    ...["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1"],
    ...["fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "2001:db8::1", "2002:7f00:1::"],
    ...["::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:a00:1", "[::ffff:10.0.0.1]"],
    ...[
      "64:ff9b::127.0.0.1",
      "64:ff9b::a9fe:a9fe",
      "example.com",
      "",
      "0x7f.1",
      "010.0.0.1",
      "1.1",
    ],
  ];
  for (const address of special) assertEquals(isGlobalAddress(address), false, address);
});

Deno.test("peerNetwork() takes a network of IPv6 for one peer, and neighbours for several", () => {
  const cases: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:ffff::2", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80::1"],
    ["fe80::2%eth0", "fe80::2"],
  ];
  for (const [hostname, network] of cases) assertEquals(peerNetwork(hostname), network);
});
