import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { connectTcp } from "../../../net/tcp/client.ts";
import { startPeer } from "../../_support/runnable.ts";

const FRAMEWORKS = { hono: "npm:hono@4.13.19", h3: "npm:h3@2.0.8" };

for (const [name, specifier] of Object.entries(FRAMEWORKS)) {
  const cached = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "-q", "--no-lock", specifier],
  }).output();
  const program = new URL(`../../_support/${name}_server.ts`, import.meta.url).pathname;

  for (const transport of ["deno", "hardened"]) {
    const test = (what: string, run: (base: URL) => Promise<void>) => {
      Deno.test({
        name: `${what} (${transport})` +
          (cached.success ? "" : ` (${specifier} is not to be had)`),
        ignore: !cached.success,
        fn: async () => {
          const args = ["run", "--no-lock", "-A", program, transport];
          await using server = await startPeer(Deno.execPath(), args);
          await run(server.urls[0]!);
        },
      });
    };

    if (name === "hono") {
      test("serveHttp() serves app.fetch of Hono as it is", async (base) => {
        const ask = (path: string, body?: BodyInit) =>
          fetch(new URL(path, base), body === undefined ? {} : { method: "POST", body });
        assertEquals(await (await ask("/users/7")).json(), { id: "7", peer: "127.0.0.1" });
        assertEquals(await (await ask("/json", '{"a":[1]}')).json(), { a: [1] });
        assertEquals(await (await ask("/echo", "x".repeat(1000))).text(), "x".repeat(1000));
        const large = ReadableStream.from([new Uint8Array(800), new Uint8Array(800)]);
        const refused = await ask("/json", large);
        assertEquals([refused.status, (await refused.json()).status], [413, 413]);
        const bug = await ask("/bug");
        assertEquals(bug.status, 500);
        assert(!(await bug.text()).includes("secret"));
        const nothing = await ask("/nothing");
        assertEquals(nothing.status, 404);
        await nothing.body?.cancel();
      });
    } else {
      test("serveHttp() serves app.fetch of h3", async (base) => {
        const got = await fetch(new URL("/users/7", base));
        assertEquals(await got.json(), { url: "/users/7" });
        const body = "x".repeat(1000);
        const posted = await fetch(new URL("/echo", base), { method: "POST", body });
        assertEquals(await posted.text(), body);
      });
    }

    test(`an app of ${name} learns that its client has gone`, async (base) => {
      const port = Number(base.port);
      const leave = async (text: string, first = "") => {
        const conn = await connectTcp({ port, lingerTimeout: 0 });
        await conn.write(text);
        let seen = "";
        while (!seen.includes(first)) {
          seen += new TextDecoder().decode((await conn.readChunk({ timeout: 30_000 }))!);
        }
        if (first === "") await delay(100); // The handler has to be in its wait.
        await conn.close();
      };
      const gone = async () => await (await fetch(new URL("/gone", base))).json();
      await leave("GET /waits HTTP/1.1\r\nHost: h\r\n\r\n");
      await leave("POST /waits HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
      await leave("GET /events HTTP/1.1\r\nHost: h\r\n\r\n", "data: first");
      const end = performance.now() + 10_000;
      const expected = { signal: 2, stream: 1 };
      let seen = await gone();
      while (JSON.stringify(seen) !== JSON.stringify(expected) && performance.now() < end) {
        await delay(50);
        seen = await gone();
      }
      assertEquals(seen, expected);
    });
  }
}
