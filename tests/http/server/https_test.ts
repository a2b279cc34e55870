import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import {
  type HttpServerEvent,
  serveHttp,
  type ServeHttpOptions,
} from "../../../http/server/server.ts";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { rest } from "../../_support/raw_http.ts";

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`serveHttp() reads its certificate from files, on ${where}`, async () => {
    const { ca, good } = await testCertificates();
    await using folder = await temporaryFolder();
    const [certFile, keyFile] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`];
    await Deno.writeTextFile(certFile, good.cert);
    await Deno.writeTextFile(keyFile, good.key);
    await using server = serveHttp({ hardened, certFile, keyFile }, () => new Response("in"));
    await using client = createClient({ caCerts: [ca], baseUrl: server.url });
    assertEquals(server.url, `https://127.0.0.1:${server.addr.port}`);
    assertEquals(await client.get("/").text(), "in");
    await Deno.remove(keyFile);
    const start = () => serveHttp({ hardened, certFile, keyFile }, () => new Response());
    assertStringIncludes(assertThrows(start, NetError).message, keyFile);
  });

  Deno.test(`serveHttp() rejects a malformed certificate, on ${where}`, () => {
    const start = () => serveHttp({ hardened, cert: "a", key: "b" }, () => new Response());
    assertEquals(assertThrows(start, NetError).kind, "tls");
  });

  Deno.test(`serveHttp() refuses a whole URL of http over TLS, on ${where}`, async () => {
    const { ca, good } = await testCertificates();
    const { cert, key } = good;
    await using server = serveHttp({ hardened, cert, key }, () => new Response());
    await using conn = await connectTls({ port: server.addr.port, caCerts: [ca] });
    await conn.write("GET http://xh/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertStringIncludes(await rest(conn), "HTTP/1.1 400");
  });
}

Deno.test("serveHttp() asks clients for certificates, and handlers see them", async () => {
  const { ca, good, client: mine, untrusted } = await testCertificates();
  const events: HttpServerEvent[] = [];
  await using server = serveHttp({
    cert: good.cert,
    key: good.key,
    clientAuth: "require",
    clientCa: [ca],
    onEvent: (event) => void events.push(event),
  }, (_request, { tls }) => new Response(tls?.peerCertificate?.commonName));
  assertEquals(server.hardened, true);
  const ask = async (pair: { cert?: string; key?: string }) => {
    await using client = createClient({ caCerts: [ca], retry: false, ...pair });
    return await client.get(server.url).text();
  };
  assertEquals(await ask({ cert: mine.cert, key: mine.key }), "test client");
  await assertRejects(() => ask({}), HttpRequestError);
  await assertRejects(() => ask({ cert: untrusted.cert, key: untrusted.key }), HttpRequestError);
  assertEquals(events.map(({ type }) => type), ["handshake-error", "handshake-error"]);
});

Deno.test("serveHttp() has a certificate for each name, and replaces them", async () => {
  const authority = await developmentAuthority();
  const [first, other, next] = await Promise.all([
    authority.issue({ names: ["first.test", "localhost", "127.0.0.1"] }),
    authority.issue({ names: ["other.test"] }),
    authority.issue({ names: ["next.test"] }),
  ]);
  await using server = serveHttp({
    cert: first.cert,
    key: first.key,
    sni: [{ cert: other.cert, key: other.key }],
    reloadInterval: 0,
    allowedHosts: "any",
  }, (_request, { tls }) => new Response(tls?.serverName));
  const ask = async (serverName: string) => {
    const { port } = server.addr;
    await using conn = await connectTls({ port, serverName, caCerts: [authority.cert] });
    await conn.write(`GET / HTTP/1.1\r\nHost: ${serverName}\r\nConnection: close\r\n\r\n`);
    return (await rest(conn)).split("\r\n\r\n")[1];
  };
  assertEquals(await ask("first.test"), "first.test");
  assertEquals(await ask("other.test"), "other.test");
  server.reloadTls([{ cert: next.cert, key: next.key }]);
  assertEquals(await ask("next.test"), "next.test");
  assertThrows(() => server.reloadTls([{ cert: "x", key: "y" }]), NetError);
  assertEquals(await ask("next.test"), "next.test");
});

Deno.test("serveHttp() rejects options of HTTPS that do not fit together", async () => {
  const { good: { cert, key }, ca } = await testCertificates();
  const cases: [ServeHttpOptions, string][] = [
    [{ cert }, "both cert and key"],
    [{ keyFile: "x" }, "both certFile and keyFile"],
    [{ cert, key, certFile: "x", keyFile: "y" }, "set one of them"],
    [{ clientAuth: "require", clientCa: [ca] }, "clientAuth without a certificate"],
    [{ cert, key, hardened: false, sni: [] }, "sni with hardened: false"],
    [{ cert, key, clientAuth: "require" }, "clientCa"],
  ];
  for (const [options, message] of cases) {
    assertThrows(() => serveHttp(options, () => new Response()), TypeError, message);
  }
  await using plain = serveHttp({ cert, key }, () => new Response());
  assertThrows(() => plain.reloadTls(), TypeError, "without reloadInterval");
});

Deno.test("serveHttp() reports connections beyond the limit of one address", async () => {
  const told = Promise.withResolvers<HttpServerEvent>();
  await using server = serveHttp({ maxConnectionsPerAddress: 1, onEvent: told.resolve }, () => {
    return new Response();
  });
  await using _first = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  await using second = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  assertEquals(await rest(second), "");
  const event = await told.promise;
  assertEquals(event.type, "connection-refused");
});
