import { testCertificates } from "./_support/certificates.ts";
import { serveTls } from "../net/tls_server.ts";
import { serveTcp } from "../net/tcp_server.ts";
const c = await testCertificates();
const http = async (conn: any) => {
  while (await conn.readLine()) {}
  await new Promise((r) => setTimeout(r, 60));
  await conn.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  await new Promise((r) => setTimeout(r, 20));
  await conn.write("hello");
};
Deno.writeTextFileSync("/tmp/diagnose/ca.pem", c.ca);
for (const k of ["good", "expired", "notYetValid", "wrongName", "untrusted"] as const) {
  console.log(k, serveTls({ cert: c[k].cert, key: c[k].key }, http).addr.port);
}
console.log("plain", serveTcp({}, http).addr.port);
console.log(
  "ssh",
  serveTcp({}, async (conn) => {
    await conn.write("SSH-2.0-x\r\n");
    await conn.readChunk();
  }).addr.port,
);
console.log(
  "500",
  serveTcp({}, async (conn) => {
    while (await conn.readLine()) {}
    await conn.write("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  }).addr.port,
);
const r = serveTcp({}, async (conn) => {
  const l = await conn.readLine();
  while (await conn.readLine()) {}
  await conn.write(
    l!.includes("/b")
      ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
      : "HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\n",
  );
});
console.log("redirect", r.addr.port);
setTimeout(() => {}, 1e9);
