import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createClient, type HttpClient } from "../../../http/client/client.ts";
import { download } from "../../../http/client/download.ts";
import { HttpStatusError } from "../../../http/client/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import type { HttpPeer } from "../../_support/http_peers.ts";
import {
  startApache,
  startCaddy,
  startLighttpd,
  type WebServerSetup,
} from "../../_support/web_servers.ts";
import { needs } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";

const TEXT = "a page that is worth compressing\n".repeat(4000);
const DATA = crypto.getRandomValues(new Uint8Array(60_000));
const LARGE = crypto.getRandomValues(new Uint8Array(65_536));
const REPEATS = 64;

/** Creates the files that the servers serve. */
async function website() {
  const folder = await temporaryFolder();
  // The servers run as nobody.
  await Deno.chmod(folder.path, 0o755);
  await Deno.mkdir(`${folder.path}/digest`);
  await Deno.writeTextFile(`${folder.path}/page.txt`, TEXT);
  await Deno.writeFile(`${folder.path}/data.bin`, DATA);
  await Deno.writeTextFile(`${folder.path}/digest/page.txt`, TEXT);
  await Deno.mkdir(`${folder.path}/sub`);
  await Deno.writeTextFile(`${folder.path}/sub/index.html`, TEXT);
  const large = await Deno.create(`${folder.path}/large.bin`);
  using _ = large;
  for (let i = 0; i < REPEATS; i++) await large.write(LARGE);
  return folder;
}

/** Compares bytes without printing all of them. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assert(
    Buffer.compare(actual, expected) === 0,
    `${actual.length} bytes instead of ${expected.length}, or others`,
  );
}

/** The files: compressed, kept connections, conditions, ranges, an error, a redirect. */
async function checkFiles(client: HttpClient): Promise<void> {
  const page = await client.get("page.txt");
  assertEquals([await page.text(), page.headers.get("content-encoding")], [TEXT, null]);
  const data = await client.get("data.bin");
  assertSame(await data.bytes(), DATA);
  assert(data.reused);
  const head = await client.head("data.bin");
  assertEquals(head.headers.get("content-length"), `${DATA.length}`);
  const condition = { "if-none-match": data.headers.get("etag")! };
  const same = await client.get("data.bin", { headers: condition, raiseForStatus: false });
  assertEquals([same.status, await same.text(), same.reused], [304, "", true]);
  const part = await client.get("data.bin", { headers: { range: "bytes=100-199" } });
  assertEquals([part.status, await part.bytes()], [206, DATA.slice(100, 200)]);
  const missing = await assertRejects(() => client.get("missing").text(), HttpStatusError);
  assertEquals(missing.status, 404);
  const moved = await client.get("sub", { maxRedirects: 0, raiseForStatus: false });
  assert([301, 308].includes(moved.status), `${moved.status}`);
  await moved.body?.cancel();
}

/** Bodies of requests: of a known length, in chunks, and after a permission. */
async function checkUploads(client: HttpClient): Promise<void> {
  assertSame(await client.post("echo", { body: DATA }).bytes(), DATA);
  const chunks = () => ReadableStream.from([DATA.slice(0, 1000), DATA.slice(1000)]);
  assertSame(await client.post("echo", { body: chunks() }).bytes(), DATA);
  const headers = { expect: "100-continue" };
  const allowed = await client.post("echo", { body: DATA, headers });
  assertSame(await allowed.bytes(), DATA);
  assert(allowed.reused);
}

/** A file that is larger than all buffers, continued after half of it, and in parts at once. */
async function checkDownloads(client: HttpClient, path: string): Promise<void> {
  const whole = new Uint8Array(LARGE.length * REPEATS);
  for (let i = 0; i < REPEATS; i++) whole.set(LARGE, i * LARGE.length);
  for (const parallel of [1, 3]) {
    const file = `${path}/copy-${parallel}.bin`;
    await download("large.bin", file, { client, parallel });
    assertSame(await Deno.readFile(file), whole);
    await Deno.remove(file);
  }
}

interface Peer {
  readonly name: string;
  readonly program: string;
  readonly digest: boolean;
  /** Whether `/echo` works over HTTP/2, too. */
  readonly posts: boolean;
  readonly start: (setup: WebServerSetup) => Promise<HttpPeer>;
}

const PEERS: readonly Peer[] = [
  { name: "Apache", program: "apache2", digest: true, posts: false, start: startApache },
  { name: "lighttpd", program: "lighttpd", digest: true, posts: true, start: startLighttpd },
  { name: "Caddy", program: "caddy", digest: false, posts: true, start: startCaddy },
];

for (const { name, program, digest, posts, start } of PEERS) {
  const found = needs(program);
  Deno.test({
    name: `the client and ${name} understand each other${found.suffix}`,
    ignore: found.ignore,
    async fn() {
      await using folder = await website();
      await using own = await temporaryFolder();
      const { ca, good } = await testCertificates();
      await using server = await start({ root: folder.path, cert: good.cert, key: good.key });
      const [plain, tls] = server.ports;
      for (const http2 of [undefined, false, true]) {
        await using client = createClient({
          ...http2 === undefined
            ? { baseUrl: `http://127.0.0.1:${plain}/` }
            : { baseUrl: `https://localhost:${tls}/`, caCerts: [ca], http2 },
          retry: false,
        });
        if (http2 !== true) {
          await checkFiles(client);
          await checkUploads(client);
        } else if (posts) assertSame(await client.post("echo", { body: DATA }).bytes(), DATA);
        await checkDownloads(client, own.path);
        if (!digest) continue;
        const refused = await client.get("digest/page.txt", { raiseForStatus: false });
        assertEquals(refused.status, 401);
        await refused.body?.cancel();
        const auth = { scheme: "digest", username: "ada", password: "secret" } as const;
        for (let i = 0; i < 2; i++) {
          assertEquals(await client.get("digest/page.txt", { auth }).text(), TEXT);
        }
      }
    },
  });
}
