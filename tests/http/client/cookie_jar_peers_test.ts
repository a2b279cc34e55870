import { assertEquals } from "@std/assert";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { serve } from "../../_support/http_servers.ts";
import { needs } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runPeer } from "../../_support/runnable.ts";

Deno.test("curl and the jar read each other's cookies.txt", needs("curl"), async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/cookies.txt`;
  await using server = serve((request) => {
    const headers = new Headers();
    if (new URL(request.url).pathname === "/set") {
      headers.append("set-cookie", "id=of curl; Path=/; Max-Age=600; HttpOnly");
      headers.append("set-cookie", "session=1; Path=/");
      headers.append("set-cookie", "deep=2; Path=/deep; Max-Age=600");
    }
    return new Response(request.headers.get("cookie"), { headers });
  });
  const curl = async (...args: string[]) => (await runPeer("curl", ["-s", ...args])).stdout;
  await curl("-c", file, `${server.url}set`);
  const jar = createCookieJar(await Deno.readTextFile(file));
  // curl saves its cookies in an order of its own.
  const read = jar.cookies(`${server.url}deep/x`).split("; ");
  assertEquals(read.toSorted(), ["deep=2", "id=of curl", "session=1"]);
  assertEquals(jar.get(server.url, "id")?.httpOnly, true);
  jar.set(server.url, "id=of the jar; Path=/; Max-Age=600");
  jar.set(server.url, "more=3");
  await Deno.writeTextFile(file, jar.toText());
  const sent = await curl("-b", file, `${server.url}deep/x`);
  assertEquals(sent.split("; ").toSorted(), ["deep=2", "id=of the jar", "more=3", "session=1"]);
});
