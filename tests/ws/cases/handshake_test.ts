/** Opening handshakes as literal bytes, against the servers on both transports. */

import { assertEquals } from "@std/assert";
import { serve } from "../../_support/ws_peers.ts";
import { CLOSE, closePayload, TEXT } from "./case.ts";
import { REQUEST_FIELDS, type RequestCase, REQUESTS } from "./handshake.ts";
import { encodeCaseFrame, Wire } from "./wire.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Returns the bytes of a request. */
function requestOf({ line = "GET / HTTP/1.1", fields = {}, more = [] }: RequestCase) {
  const lines = Object.entries({ ...REQUEST_FIELDS, ...fields })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  return encode([line, ...lines, ...more, "\r\n"].join("\r\n"));
}

/** Sends a request, and returns the status and the value of a field in the response. */
async function ask(port: number, one: RequestCase, piece?: number) {
  using wire = new Wire(await Deno.connect({ hostname: "127.0.0.1", port }), true);
  void wire.write(requestOf(one), piece);
  const head = await wire.readHead();
  await wire.written;
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]);
  const name = one.answer?.[0] ?? "";
  const value = new RegExp(`^${name}: *(.*)\r$`, "im").exec(head)?.[1];
  return { status, answer: one.answer && [name, value] };
}

for (
  const [name, hardened] of [["a hardened server", true], ["Deno's transport", false]] as const
) {
  Deno.test(`cases of opening handshakes against ${name}`, async () => {
    await using server = serve({ hardened });
    const faults: unknown[] = [];
    for (const one of REQUESTS) {
      for (const piece of [undefined, 1]) {
        const status = hardened ? one.status : one.deno ?? one.status;
        const expected = { status, answer: status === one.status ? one.answer : undefined };
        const got = await ask(server.addr.port, one, piece);
        if (status !== one.status) got.answer = undefined;
        if (JSON.stringify(got) !== JSON.stringify(expected)) {
          faults.push([one.id, piece ?? "at once", got]);
        }
      }
    }
    assertEquals(faults, []);
  });
}

for (
  const [name, hardened] of [["a hardened server", true], ["Deno's transport", false]] as const
) {
  Deno.test(`frames in one packet with the opening handshake reach ${name}`, async () => {
    await using server = serve({ hardened });
    const { port } = server.addr;
    const message = encodeCaseFrame({ opcode: TEXT, payload: encode("early") }, true);
    const close = encodeCaseFrame({ opcode: CLOSE, payload: closePayload(1000) }, true);
    const request = requestOf({ id: "", rfc: "", status: 101 });
    for (const early of [message.length, 3]) {
      using wire = new Wire(await Deno.connect({ hostname: "127.0.0.1", port }), true);
      void wire.write(new Uint8Array([...request, ...message.subarray(0, early)]));
      await wire.readHead();
      void wire.write(message.subarray(early));
      const answer = await wire.readFrame();
      assertEquals([answer?.opcode, answer?.payload], [TEXT, encode("early")]);
      void wire.write(close);
      assertEquals((await wire.readFrame())?.opcode, CLOSE);
      await wire.written;
    }
  });
}
