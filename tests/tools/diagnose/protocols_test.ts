/** `diagnose` against servers that speak another protocol, break theirs, or answer with an alert. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { diagnose } from "../../../tools/diagnose.ts";
import { startNginx } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { testCertificates } from "../../_support/certificates.ts";

/** What a server does with a connection. */
type Script = (conn: Connection) => unknown;

/** Waits until the client has sent something. */
const heard = (conn: Connection) => conn.readChunk().catch(() => null);
const says = (text: string): Script => async (conn) => {
  if (await heard(conn) !== null) await conn.write(text);
};
const greets = (text: string): Script => async (conn) => {
  await conn.write(text);
  await heard(conn);
};
const resets: Script = async (conn) => {
  if (await heard(conn) === null) return;
  conn.resetOnAbort();
  conn.abort();
};
/** Answers the first record of TLS with a fatal alert (RFC 8446 §6). */
const alerts = (number: number): Script => async (conn) => {
  if (await heard(conn) !== null) await conn.write(Uint8Array.of(21, 3, 3, 0, 2, 2, number));
};

/** The scheme of the URL, what the server does, and the verdict. */
const ROWS: readonly (readonly [scheme: string, name: string, script: Script, verdict: RegExp])[] =
  [
    ["https", "HTTP", says("HTTP/1.1 400 Bad\r\n\r\n"), /does not speak TLS on this port$/],
    ["https", "SSH", greets("SSH-2.0-x\r\n"), /does not speak TLS on this port: it is SSH/],
    ["https", "UTF-8", greets("SSH-2.0-café\x1b[2J\r\n"), /it is SSH \(café\\x1B\[2J\)/],
    ["https", "SMTP", greets("220 a ESMTP\r\n"), /does not speak TLS on this port: it is SMTP/],
    ["https", "FTP", greets("220 (vsFTPd 3)\r\n"), /does not speak TLS on this port: it is FTP/],
    ["https", "IMAP", greets("* OK hi\r\n"), /does not speak TLS on this port: it is IMAP/],
    ["https", "POP3", greets("+OK hi\r\n"), /does not speak TLS on this port: it is POP3/],
    ["https", "rubbish", says("\0\x01rubbish"), /does not speak TLS on this port$/],
    ["https", "closes at once", () => {}, /(?:ends|resets) the connection during the TLS/],
    ["https", "closes after the hello", heard, /ends the connection during the TLS handshake$/],
    ["https", "resets", resets, /resets the connection during the TLS handshake$/],
    ["https", "alert 40", alerts(40), /refuses the TLS handshake$/],
    ["https", "alert 70", alerts(70), /does not support TLS 1\.2 or later$/],
    ["https", "alert 71", alerts(71), /the peer requires stronger ciphers/],
    ["https", "alert 80", alerts(80), /fails the TLS handshake: .*internal error/i],
    ["https", "alert 112", alerts(112), /does not serve the name 127\.0\.0\.1$/],
    ["https", "alert 120", alerts(120), /no application protocol in common/],
    ["https", "alert 116", alerts(116), /requires a client certificate$/],
    ["https", "alert 48", alerts(48), /requires a client certificate$/],
    ["https", "alert 50", alerts(50), /fails the TLS handshake: /],
    ["http", "SSH", greets("SSH-2.0-x\r\n"), /does not speak HTTP: it is SSH/],
    ["http", "SMTP", greets("220 a ESMTP\r\n"), /does not speak HTTP: it is SMTP/],
    ["http", "rubbish", says("\0\x01rubbish\r\n\r\n"), /does not speak HTTP$/],
    ["http", "closes at once", () => {}, /(?:ends|resets) the connection without an answer$/],
    ["http", "half a head", says("HTTP/1.1 200 OK\r\nA: b"), /ends within the head$/],
    [
      "http",
      "a bad field",
      says("HTTP/1.1 200 OK\r\nA\0: c\r\n\r\n"),
      /sends a malformed response/,
    ],
    [
      "http",
      "two lengths",
      says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"),
      /sends a malformed response/,
    ],
    [
      "http",
      "half a body",
      says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"),
      /ends within the body$/,
    ],
    [
      "http",
      "a bad chunk",
      says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxy\r\n"),
      /sends a malformed body/,
    ],
    [
      "http",
      "half a chunk",
      says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhi"),
      /ends within the body$/,
    ],
    ["http", "a body without a length", says("HTTP/1.1 200 OK\r\n\r\nhi"), /answers 200 OK in/],
    ["http", "HTTP/1.0", says("HTTP/1.0 200 OK\r\n\r\nhi"), /answers 200 OK in/],
    [
      "http",
      "early hints",
      says("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
      /answers 204 No Content in/,
    ],
    [
      "http",
      "an endless head",
      says("HTTP/1.1 200 OK\r\n" + "A: b\r\n".repeat(30_000)),
      /head|field/,
    ],
    [
      "http",
      "a redirect to itself",
      says("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"),
      /redirects in a loop/,
    ],
    [
      "http",
      "a redirect to another scheme",
      says("HTTP/1.1 302 Found\r\nLocation: ftp://a/\r\n\r\n"),
      /redirects to ftp:\/\/a\/, which is not an HTTP URL$/,
    ],
    ["http", "500", says("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), /answers 500 Oops$/],
    [
      "http",
      "404",
      says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
      /answers 404 Not Found in/,
    ],
  ];

const IS_FINE = /answers (?:200|204|404)/;

for (const [scheme, name, script, verdict] of ROWS) {
  Deno.test(`diagnose ${scheme}: a server with ${name}`, async () => {
    await using server = serveTcp({}, async (conn) => void await script(conn));
    const { port } = server.addr;
    const found = await diagnose(`${scheme}://127.0.0.1:${port}/`, {
      steps: ["dns", "tcp", "tls", "http"],
      timeout: 30_000,
    });
    if (!verdict.test(found.verdict)) throw new Error(found.verdict);
    assertEquals(found.ok, IS_FINE.test(found.verdict));
    if (scheme !== "https") return;
    // `connectTls` fails in the same way.
    const tls = found.steps.find((step) => step.step === "tls");
    try {
      (await connectTls({ hostname: "127.0.0.1", port, handshakeTimeout: 5000 })).abort();
      throw new Error("connectTls connects");
    } catch (error) {
      assertEquals(error instanceof NetError && error.tls, tls?.error?.tls);
    }
  });
}

const nginx = needs("nginx");
Deno.test({
  name: `diagnose names the wrong scheme and a missing client certificate of nginx${nginx.suffix}`,
  ignore: nginx.ignore,
  async fn() {
    const { ca, good, untrusted } = await testCertificates();
    const folder = await Deno.makeTempDir();
    try {
      await Deno.chmod(folder, 0o755);
      await Deno.writeTextFile(`${folder}/crt`, good.cert);
      await Deno.writeTextFile(`${folder}/key`, good.key);
      await Deno.writeTextFile(`${folder}/ca`, ca);
      const pair = `ssl_certificate ${folder}/crt; ssl_certificate_key ${folder}/key;`;
      const rows: [directives: string, scheme: string, ok: boolean, verdict: RegExp][] = [
        [`ssl; ${pair} return 200 "hi"`, "https", true, /answers 200 OK in/],
        [`ssl; ${pair} return 200 "hi"`, "http", false, /speaks TLS on this port$/],
        [`ssl http2; ${pair} return 200 "hi"`, "https", true, /answers 200 OK in/],
        [`http2; return 200 "hi"`, "http", true, /answers 200 OK in/],
        [`; return 200 "hi"`, "https", false, /does not speak TLS on this port$/],
        [`; return 444`, "http", false, /ends the connection without an answer$/],
        [`ssl; ${pair} return 444`, "https", false, /ends the connection without an answer$/],
        [
          `ssl; ${pair} ssl_verify_client on; ssl_client_certificate ${folder}/ca; return 200 "hi"`,
          "https",
          false,
          /answers, but requires a client certificate$/,
        ],
        [`ssl; ${pair} ssl_reject_handshake on`, "https", false, /does not serve the name/],
        [`; location / { proxy_pass http://127.0.0.1:1; }`, "http", false, /answers 502 Bad/],
      ];
      const servers = rows.map(([directives], i) =>
        `server { listen 127.0.0.1:{port${i}} ${directives}${directives.endsWith("}") ? "" : ";"} }`
      );
      await using server = await startNginx(servers.join("\n"), rows.length);
      const wrong: string[] = [];
      for (const [i, [directives, scheme, ok, verdict]] of rows.entries()) {
        const found = await diagnose(`${scheme}://127.0.0.1:${server.ports[i]}/`, {
          steps: ["dns", "tcp", "tls", "http"],
          caCerts: [ca],
          timeout: 9000,
        });
        if (found.ok !== ok || !verdict.test(found.verdict)) {
          wrong.push(`${scheme} ${directives}: ${found.verdict}`);
        }
      }
      assertEquals(wrong, []);
      const strict = rows.findIndex(([directives]) => directives.includes("ssl_verify_client"));
      const { verdict, advice } = await diagnose(`https://127.0.0.1:${server.ports[strict]}/`, {
        steps: ["dns", "tcp", "tls", "http"],
        caCerts: [ca],
        cert: untrusted.cert,
        key: untrusted.key,
      });
      assertMatch(verdict, /^127\S+ refuses the certificate of this client$/);
      assertMatch(advice!, /which authority must sign it/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
