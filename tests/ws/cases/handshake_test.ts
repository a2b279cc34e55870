/** Opening handshakes as literal bytes, against the servers on both transports and the client. */

import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { acceptOf, serve } from "../../_support/ws_peers.ts";
import { CLOSE, closePayload, TEXT } from "./case.ts";
import {
  REQUEST_FIELDS,
  type RequestCase,
  REQUESTS,
  type ResponseCase,
  RESPONSES,
} from "./handshake.ts";
import { handshakeAsServer } from "./subjects.ts";
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

/** Answers a request of the client with a response, and returns the error, or undefined if it opens. */
async function answer(listener: Deno.TcpListener, one: ResponseCase, piece?: number) {
  const url = `ws://127.0.0.1:${listener.addr.port}/`;
  const dialling = connectWebSocket(url, { timeout: 10_000, closeTimeout: 1000 });
  using wire = new Wire(await listener.accept(), false);
  const request = await wire.readHead();
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)?.[1] ?? "";
  const fields = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Accept": await acceptOf(key),
    ...one.fields,
  };
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  const { line = "HTTP/1.1 101 Switching Protocols", more = [], rest = "" } = one;
  void wire.write(encode([line, ...lines, ...more, `\r\n${rest}`].join("\r\n")), piece);
  try {
    const conn = await dialling;
    void conn.close();
    const close = await wire.readFrame();
    void wire.write(encodeCaseFrame({ opcode: CLOSE, payload: close!.payload }, false));
    await wire.end();
    await conn.gone;
    return undefined;
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    await wire.written;
    return error;
  }
}

Deno.test("cases of responses to the client", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const faults: unknown[] = [];
  for (const one of RESPONSES) {
    for (const piece of [undefined, 1]) {
      const error = await answer(listener, one, piece);
      const expected = [one.error, one.code ?? error?.code];
      if (`${[error?.kind, error?.code]}` !== `${expected}`) {
        faults.push([one.id, piece ?? "at once", error?.kind, error?.code, error?.message]);
      }
    }
  }
  assertEquals(faults, []);
});

Deno.test("frames in one packet with the response reach the client", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const message = encodeCaseFrame({ opcode: TEXT, payload: encode("early") }, false);
  for (const early of [message.length, 3]) {
    const dialling = connectWebSocket(`ws://127.0.0.1:${listener.addr.port}/`);
    using wire = new Wire(await listener.accept(), false);
    await handshakeAsServer(wire, [], message.subarray(0, early));
    const conn = await dialling;
    void wire.write(message.subarray(early));
    assertEquals(await conn.receive({ timeout: 10_000 }), "early");
    void conn.close();
    const close = await wire.readFrame();
    void wire.write(encodeCaseFrame({ opcode: CLOSE, payload: close!.payload }, false));
    await wire.end();
    await conn.gone;
  }
});

for (
  const [name, response, kind] of [
    ["nothing", "", "truncated"],
    ["half a head", "HTTP/1.1 101 Switching", "truncated"],
    [
      "a head without an end",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
      "truncated",
    ],
    ["an endless head", `HTTP/1.1 101 x\r\n${"X-A: b\r\n".repeat(100_000)}`, "protocol"],
    ["an endless line", `HTTP/1.1 101 ${"x".repeat(1_000_000)}`, "protocol"],
  ] as const
) {
  Deno.test(`the client refuses ${name} as a response`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const dialling = connectWebSocket(`ws://127.0.0.1:${listener.addr.port}/`, { timeout: 10_000 });
    const failing = assertRejects(() => dialling, NetError);
    using wire = new Wire(await listener.accept(), false);
    await wire.readHead();
    void wire.write(encode(response));
    await wire.end();
    assertEquals((await failing).kind, kind);
  });
}
