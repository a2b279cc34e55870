/** The two ways in which a scan connects. @module */

import { assert, assertEquals } from "@std/assert";
import {
  denoDial,
  type Dial,
  type DialEnd,
  handleDial,
} from "../../../tools/internal/scan_dial.ts";
import { freePorts } from "../../_support/ports.ts";

const HOST = "127.0.0.1";
const direct = handleDial();
const DIALS: Array<[string, Dial | undefined]> = [["a handle", direct], ["Deno", denoDial()]];

/** Waits for the result of a connection. */
function result(dial: Dial, address: string, port: number) {
  return new Promise<{ code: string; own: DialEnd; far: DialEnd }>((resolve) => {
    dial(address, port, (code, own, far) => resolve({ code, own, far }));
  });
}

Deno.test("handleDial() works in this version of Deno", () => {
  assert(direct !== undefined || Deno.build.os === "windows");
});

for (const [name, dial] of DIALS) {
  if (dial === undefined) continue;

  Deno.test(`${name} connects, and closes the connection at once`, async () => {
    for (const hostname of [HOST, "::1"]) {
      using listener = Deno.listen({ hostname, port: 0 });
      const { port } = listener.addr;
      const [{ code, own, far }, conn] = await Promise.all([
        result(dial, hostname, port),
        listener.accept(),
      ]);
      assertEquals([code, far.address, far.port], ["", hostname, port]);
      assertEquals([own.address, own.port], [hostname, conn.remoteAddr.port]);
      assertEquals(await conn.read(new Uint8Array(1)), null);
      conn.close();
    }
  });

  Deno.test(`${name} tells the code of an error`, async () => {
    const [port] = freePorts(1);
    for (const address of [HOST, "::1"]) {
      assertEquals((await result(dial, address, port!)).code, "ECONNREFUSED");
    }
  });

  Deno.test({
    name: `${name} tells that a permission is missing`,
    permissions: { net: ["127.0.0.1:1"] },
    async fn() {
      assertEquals((await result(dial, HOST, 2)).code, "ENOTCAPABLE");
    },
  });

  Deno.test(`${name} has no result after a cancellation`, async () => {
    using listener = Deno.listen({ hostname: HOST, port: 0 });
    let results = 0;
    const cancel = dial(HOST, listener.addr.port, () => results++);
    cancel();
    cancel();
    // The one that follows has its result after all that the first one could have.
    assertEquals((await result(dial, HOST, listener.addr.port)).code, "");
    assertEquals(results, 0);
  });
}
