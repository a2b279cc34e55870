import { assert, assertEquals } from "@std/assert";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";

/** Lets the first `count` calls of accept() fail as on macOS; disposing ends that. */
function withoutAddress(count: number): Disposable & { readonly failed: number } {
  const listen = Deno.listen;
  let failed = 0;
  Deno.listen = ((options: Deno.ListenOptions & { transport?: "tcp" }) => {
    const listener = listen(options);
    const accept = listener.accept.bind(listener);
    listener.accept = () => {
      if (failed === count) return accept();
      failed++;
      const error = new TypeError("Invalid argument (os error 22)");
      return Promise.reject(Object.assign(error, { code: "EINVAL" }));
    };
    return listener;
  }) as typeof Deno.listen;
  return {
    get failed() {
      return failed;
    },
    [Symbol.dispose]: () => void (Deno.listen = listen),
  };
}

for (const [count, reports] of [[3, 0], [99, 0], [250, 2]] as const) {
  Deno.test(`a server goes on after ${count} connections without an address, and pauses ${reports} times`, async () => {
    using listening = withoutAddress(count);
    const events: string[] = [];
    await using server = serveTcp(
      { port: 0, onEvent: ({ type }) => void events.push(type) },
      async (conn) => {
        for await (const line of conn.lines()) await conn.write(`${line}\n`);
      },
    );
    await using client = await connectTcp({ port: server.addr.port });
    await client.write("hello\n");
    assertEquals(await client.readLine({ timeout: 30_000 }), "hello");
    assertEquals(events.filter((type) => type === "accept-error").length, reports);
    assert(listening.failed === count);
  });
}
