import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:https";
import { createClient, type HttpClientOptions } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runRunnable } from "../../_support/runnable.ts";
import { deadPort, serve } from "../../_support/http_servers.ts";

/** A proxy of HTTP/1.1 and of SOCKS 5 that tells what it was asked. */
class Proxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving = this.#serve();
  readonly #answer: string | undefined;

  constructor(answer?: string) {
    this.#answer = answer;
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch { /* It was. */ }
    }
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) work.push(this.#one(conn).catch(() => {}));
    await Promise.all(work);
  }

  async #one(near: Deno.Conn): Promise<void> {
    this.#conns.add(near);
    const buffer = new Uint8Array(64 * 1024);
    const read = async () => buffer.slice(0, await near.read(buffer) ?? 0);
    let first = await read();
    let target = "";
    if (first[0] === 5) {
      const methods = [...first.subarray(2)];
      await near.write(new Uint8Array([5, methods.includes(2) ? 2 : 0]));
      if (methods.includes(2)) {
        const login = await read();
        const size = login[1]!;
        this.asked.push(new TextDecoder().decode(login.subarray(2)).replace(/\p{Cc}/u, ":"));
        void size;
        await near.write(new Uint8Array([1, 0]));
      }
      const request = await read();
      const port = request.at(-2)! * 256 + request.at(-1)!;
      const name = request[3] === 3
        ? new TextDecoder().decode(request.subarray(5, -2))
        : request.subarray(4, 8).join(".");
      this.asked.push(`socks ${name}`);
      target = `127.0.0.1:${port}`;
      await near.write(new Uint8Array([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      first = new Uint8Array();
    } else {
      const head = new TextDecoder().decode(first);
      const [method, uri] = head.split(" ");
      const login = /^proxy-authorization: (.*)\r$/im.exec(head)?.[1];
      this.asked.push([method, uri, ...login === undefined ? [] : [login]].join(" "));
      if (this.#answer !== undefined) {
        await near.write(new TextEncoder().encode(this.#answer));
        near.close();
        return;
      }
      target = (method === "CONNECT" ? uri! : new URL(uri!).host).replace("svc.test", "127.0.0.1");
      if (method === "CONNECT") {
        await near.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
        first = new Uint8Array();
      }
    }
    const { hostname, port } = new URL(`http://${target}`);
    const far = await Deno.connect({ hostname, port: Number(port) });
    this.#conns.add(far);
    await far.write(first);
    await Promise.all([pipe(near, far), pipe(far, near)]);
  }
}

async function pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let size; (size = await from.read(buffer)) !== null;) {
      await to.write(buffer.slice(0, size));
    }
  } catch { /* Its end. */ }
  try {
    to.close();
  } catch { /* It was. */ }
}

Deno.test("requests go through a proxy, with its credentials, and not where noProxy says", async () => {
  await using server = serve(() => new Response("here"));
  await using proxy = new Proxy();
  const ask = async (options: NonNullable<HttpClientOptions["proxy"]>, host = "svc.test") => {
    await using client = createClient({ proxy: options, retry: false });
    proxy.asked.length = 0;
    assertEquals(await client.get(`http://${host}:${server.port}/x`).text(), "here");
    return proxy.asked;
  };
  const url = `http://${proxy.address}`;
  assertEquals(await ask({ url }), [`GET http://svc.test:${server.port}/x`]);
  assertEquals(await ask({ url: url.replace("//", "//us%40er:pa%3Ass@") }), [
    `GET http://svc.test:${server.port}/x Basic dXNAZXI6cGE6c3M=`,
  ]);
  assertEquals((await ask({ url, username: "u", password: "p" }))[0]?.split(" ").slice(2), [
    "Basic",
    "dTpw",
  ]);
  for (
    const noProxy of ["127.0.0.1", ["a.test", `127.0.0.1:${server.port}`], "*", " x , 127.0.0.1 "]
  ) {
    assertEquals(await ask({ url, noProxy }, "127.0.0.1"), [], `${noProxy}`);
  }
  for (const noProxy of ["test.svc, vc.test", "svc.test:1", ["127.0.0.1"], ""]) {
    assertEquals((await ask({ url, noProxy })).length, 1, `${noProxy}`);
  }
  const socks = `socks5://${proxy.address}`;
  assertEquals(await ask({ url: socks }), ["socks svc.test"]);
  assertEquals(await ask({ url: socks, username: "u", password: "p" }), ["u:p", "socks svc.test"]);
});

Deno.test("the variables of the environment name a proxy, and who is asked without it", async () => {
  await using server = serve(() => new Response("here"));
  await using proxy = new Proxy();
  const url = `http://127.0.0.1:${server.port}/x`;
  for (const [no, asked] of [["", [`GET ${url}`]], ["a.test,127.0.0.1", []]] as const) {
    proxy.asked.length = 0;
    const env = {
      HTTP_PROXY: `http://${proxy.address}`,
      NO_PROXY: no,
      http_proxy: "",
      no_proxy: "",
    };
    const { code, stdout } = await runRunnable("http-client", ["GET", url], { env });
    assertEquals([code, stdout, proxy.asked], [0, "here", asked]);
  }
});

Deno.test("https goes through a proxy as a tunnel", async () => {
  const { ca, good } = await testCertificates();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: good.cert, key: good.key, onListen() {} },
    () => new Response("secret"),
  );
  await using proxy = new Proxy();
  const { port } = server.addr;
  for (const scheme of ["http", "socks5"]) {
    await using client = createClient({
      caCerts: [ca],
      proxy: { url: `${scheme}://${proxy.address}` },
    });
    assertEquals(await client.get(`https://127.0.0.1:${port}/x`).text(), "secret");
  }
  assertEquals(proxy.asked, [`CONNECT 127.0.0.1:${port}`, "socks 127.0.0.1"]);
});

Deno.test("what a proxy does wrong is told, without its password", async () => {
  const { ca } = await testCertificates();
  const refusing = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
  await using proxy = new Proxy(refusing);
  const rows: Array<[string, string, string]> = [
    [`http://user:secret@${proxy.address}`, "https://127.0.0.1:9/", "no"],
    [`http://user:secret@127.0.0.1:${deadPort()}`, "http://127.0.0.1:9/", "no"],
    [`socks5://user:secret@127.0.0.1:${deadPort()}`, "http://127.0.0.1:9/", "no"],
  ];
  for (const [url, target, sent] of rows) {
    await using client = createClient({ proxy: { url }, caCerts: [ca], retry: false });
    const error = await assertRejects(() => client.post(target, { body: "x" }), HttpRequestError);
    assertEquals(error.sent, sent, error.message);
    assert(!Deno.inspect(error).includes("secret"), Deno.inspect(error));
    const [scheme, at] = url.replace(/\w+:\w+@/, "").split("://");
    const place = `127.0.0.1:9(?: through|: ) ?the proxy ${scheme}://${at}`;
    assert(new RegExp(place).test(error.message), error.message);
  }
});

Deno.test("every request goes to a Unix socket if there is one", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/s`;
  await using _server = Deno.serve({ path, onListen() {} }, (request) => {
    return new Response(`${request.headers.get("host")} ${new URL(request.url).pathname}`);
  });
  await using client = createClient({ unixSocket: path, retry: false });
  assertEquals(await client.get("http://docker/containers").text(), "docker /containers");
  assertEquals(
    await client.post("http://docker/containers", { json: 1 }).text(),
    "docker /containers",
  );
  const plain = await assertRejects(() => client.get("https://docker/"), HttpRequestError);
  assertEquals([plain.kind, plain.sent], ["unsupported", "no"]);
  await using none = createClient({ unixSocket: `${folder.path}/none`, retry: false });
  const error = await assertRejects(() => none.get("http://docker/"), HttpRequestError);
  assertEquals([error.kind, error.sent], ["refused", "no"]);
});

Deno.test("a client shows its certificate, and is told when one is missing or unfit", async () => {
  const { ca, good, client: mine, untrusted } = await testCertificates();
  const server = createServer(
    { cert: good.cert, key: good.key, ca, requestCert: true, rejectUnauthorized: true },
    (_, response) => response.end("welcome"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const url = `https://127.0.0.1:${port}/`;
  try {
    for (const dialer of [false, true]) {
      await using known = createClient({ caCerts: [ca], cert: mine.cert, key: mine.key, dialer });
      assertEquals(await known.get(url).text(), "welcome");
      await using stranger = createClient({ caCerts: [ca], retry: false, dialer });
      const error = await assertRejects(() => stranger.get(url), HttpRequestError);
      assertEquals([error.kind, error.tls], ["tls", "client-certificate"], error.message);
      await using wrong = createClient({
        caCerts: [ca],
        cert: untrusted.cert,
        key: untrusted.key,
        retry: false,
        dialer,
      });
      const refused = await assertRejects(() => wrong.get(url), HttpRequestError);
      // Node hangs up without a word to whom it does not trust.
      assert(/^(tls|truncated|reset)$/.test(refused.kind), refused.message);
    }
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("a server that cannot be trusted is told apart, and never sent anything", async () => {
  const { ca, good, expired, wrongName, untrusted } = await testCertificates();
  let asked = 0;
  const rows = [[expired, "expired"], [wrongName, "wrong-name"], [untrusted, "untrusted"], [
    good,
    "",
  ]] as const;
  for (const [{ cert, key }, reason] of rows) {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
      () => {
        asked++;
        return new Response("ok");
      },
    );
    await using client = createClient({ caCerts: [ca], retry: false });
    const url = `https://127.0.0.1:${server.addr.port}/`;
    if (reason === "") assertEquals(await client.get(url).text(), "ok");
    else {
      const error = await assertRejects(
        () => client.post(url, { body: "secret" }),
        HttpRequestError,
      );
      assertEquals([error.kind, error.tls, error.sent], ["tls", reason, "no"]);
    }
  }
  assertEquals(asked, 1);
});

Deno.test("HTTP/2 is spoken only if the option says so", async () => {
  const { ca, good: { cert, key } } = await testCertificates();
  const { createSecureServer } = await import("node:http2");
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    response.end(request.httpVersion);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}/`;
  try {
    for (
      const [http2, version, dialer] of [
        [true, "2.0", false],
        [undefined, "1.1", true],
        [false, "1.1", false],
      ] as const
    ) {
      await using client = createClient({
        caCerts: [ca],
        ...http2 === undefined ? {} : { http2 },
        dialer,
      });
      for (const method of ["GET", "POST"]) {
        assertEquals(await client.request(method, url).text(), version);
      }
    }
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
