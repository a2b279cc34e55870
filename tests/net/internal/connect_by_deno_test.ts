import { assertEquals, assertRejects } from "@std/assert";
import { connectByDeno } from "../../../net/internal/connect_by_deno.ts";

Deno.test("connectByDeno() connects", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  using conn = await connectByDeno(hostname, port, new AbortController().signal);
  assertEquals(conn.remoteAddr.port, port);
  (await listener.accept()).close();
});

Deno.test("connectByDeno() leaks no connection that opens after an abort", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const stop = new AbortController();
  const opening = connectByDeno(hostname, port, stop.signal);
  using accepted = await listener.accept();
  stop.abort(new Error("stopped"));
  await assertRejects(() => opening, Error, "stopped");
  assertEquals(await accepted.read(new Uint8Array(1)), null);
});

Deno.test("connectByDeno() does not connect after an abort", async () => {
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(() => connectByDeno("127.0.0.1", 9, signal), Error, "stopped");
});
