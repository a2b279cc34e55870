/** Logins that belong to a connection (NTLM), by real clients through the proxy. @module */

import { assert, assertEquals } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { answer, statuses } from "../../_support/raw_http.ts";
import { runPeer } from "../../_support/runnable.ts";
import { FickleOrigin } from "./_support.ts";

/** A server that logs connections in by NTLM, as IIS does; any password is right. */
class NtlmServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** The connections that were asked to prove who they are, by the port that they come from. */
  readonly #challenged = new Set<number>();
  /** The user of each connection, by the port that it comes from. */
  readonly #users = new Map<number, string>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => this.#answer(request, info.remoteAddr.port),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request, from: number): Promise<Response> {
    const size = (await request.bytes()).length;
    const token = /^NTLM (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token !== undefined) {
      const message = Uint8Array.fromBase64(token);
      const view = new DataView(message.buffer);
      if (view.getUint32(8, true) === 1) {
        this.#challenged.add(from);
        return refusal(`NTLM ${challenge()}`);
      }
      // The answer to a challenge counts on the connection of the challenge alone.
      if (!this.#challenged.delete(from)) return refusal("NTLM");
      const [length, at] = [view.getUint16(36, true), view.getUint32(40, true)];
      const name = message.subarray(at, at + length).filter((byte) => byte !== 0);
      this.#users.set(from, new TextDecoder().decode(name));
    }
    const user = this.#users.get(from);
    return user === undefined
      ? refusal("NTLM")
      : new Response(`${user} ${request.method} ${size}\n`);
  }
}

function refusal(authenticate: string): Response {
  return new Response("who?\n", { status: 401, headers: { "www-authenticate": authenticate } });
}

/** The second message of NTLM: a challenge without a target. */
function challenge(): string {
  const message = new Uint8Array(48);
  const view = new DataView(message.buffer);
  message.set(new TextEncoder().encode("NTLMSSP\0"));
  view.setUint32(8, 2, true);
  view.setUint32(16, 48, true); // An empty target name lies at the end.
  view.setUint32(20, 0x0000_8201, true); // Unicode, NTLM, always sign.
  crypto.getRandomValues(message.subarray(24, 32));
  view.setUint32(44, 48, true);
  return message.toBase64();
}

const curl = needs("curl");
Deno.test({
  name: `curl --ntlm logs its own connection in, and nobody else's${curl.suffix}`,
  ignore: curl.ignore,
  fn: async () => {
    await using origin = new NtlmServer();
    await using proxy = serveProxy({ allowPrivate: true });
    let going = true;
    // Strangers use every connection that the proxy lets go of.
    const strangers = Promise.all(Array.from({ length: 4 }, async (_, index) => {
      await using conn = await connectTcp({ port: proxy.addr.port });
      let asked = 0;
      for (; going; asked++) {
        const lines = index % 2 === 0 ? "" : "Content-Length: 0\r\n";
        const method = index % 2 === 0 ? "GET" : "POST";
        await conn.write(`${method} ${origin.url} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`);
        assertEquals(statuses(await answer(conn)), [401]);
      }
      return asked;
    }));
    const names = ["ann", "bob", "eve"];
    const runs = names.map(async (name) => {
      const args = ["-sS", "--max-time", "20", "--noproxy", "", "-x", proxy.url];
      const login = ["--ntlm", "-u", `${name}:secret`];
      const urls = Array.from({ length: 5 }, (_, i) => `${origin.url}${i}`);
      const got = await runPeer(findProgram("curl")!, [...args, ...login, ...urls]);
      const posted = await runPeer(
        findProgram("curl")!,
        [...args, ...login, "--data-binary", "@-", ...urls],
        "body",
      );
      assertEquals(got.stdout, `${name} GET 0\n`.repeat(5), got.stderr);
      assertEquals(posted.stdout, `${name} POST 4\n`.repeat(5), posted.stderr);
    });
    try {
      await Promise.all(runs);
    } finally {
      going = false;
    }
    const asked = await strangers;
    assert(asked.every((count) => count > 0), String(asked));
  },
});

Deno.test("a login of the connection is nobody else's, in whichever Authorization it stands", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy({ allowPrivate: true });
  const ask = async (lines: string) => {
    await using conn = await connectTcp({ port: proxy.addr.port });
    await conn.write(`GET http://${origin.host}/ HTTP/1.1\r\nHost: h\r\n${lines}\r\n`);
    assertEquals(statuses(await answer(conn)), [200]);
    return proxy.stats().idleUpstream;
  };
  const [basic, ntlm] = ["Authorization: Basic YTpi\r\n", "Authorization: NTLM AAAA\r\n"];
  for (const lines of [ntlm, basic + ntlm, ntlm + basic]) assertEquals(await ask(lines), 0, lines);
  assertEquals(await ask(basic), 1);
});
