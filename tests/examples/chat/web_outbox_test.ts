import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import fc from "fast-check";
import { Outbox, type Wire } from "../../../examples/chat/web_outbox.ts";

/** A socket that takes what it is told to take. */
class FakeWire implements Wire {
  bufferedAmount = 0;
  readonly readyState = WebSocket.OPEN;
  readonly sent: string[] = [];

  send(text: string): void {
    this.sent.push(text);
    this.bufferedAmount += text.length;
  }
}

function outbox(limit: number, stalled?: number) {
  const wire = new FakeWire();
  const slow = { count: 0 };
  const box: Outbox = new Outbox(
    wire,
    limit,
    () => {
      slow.count++;
      box.clear();
    },
    stalled,
  );
  return { wire, slow, push: (text: string, size = 1) => box.push(size, () => text), box };
}

Deno.test("Outbox sends at once while the socket has room", () => {
  const { wire, push } = outbox(10);
  push("12345");
  push("67890");
  assertEquals(wire.sent, ["12345", "67890"]);
});

Deno.test("Outbox keeps what the socket has no room for, and sends it in order", async () => {
  const { wire, push, slow } = outbox(10);
  for (let i = 0; i < 9; i++) push(`line ${i}....`);
  assertEquals(wire.sent.length, 1);
  while (wire.sent.length < 9) {
    wire.bufferedAmount = 0;
    await delay(5);
    assertEquals(slow.count, 0);
  }
  assertEquals(wire.sent, Array.from({ length: 9 }, (_, i) => `line ${i}....`));
  wire.bufferedAmount = 0;
  await delay(10);
  push("at once");
  assertEquals(wire.sent.at(-1), "at once");
});

Deno.test("Outbox gives up on a socket for which too much waits", () => {
  const { wire, push, slow } = outbox(10);
  push("0123456789");
  for (let i = 0; i < 10; i++) push("x");
  assertEquals(slow.count, 0);
  push("x");
  assertEquals(slow.count, 1);
  assertEquals(wire.sent, ["0123456789"]);
});

Deno.test("Outbox gives up on a socket that takes nothing for too long, not on a slow one", async () => {
  const slowly = outbox(10, 60);
  const never = outbox(10, 60);
  for (const { push } of [slowly, never]) {
    push("0123456789");
    push("more");
  }
  const end = performance.now() + 5000;
  while (never.slow.count === 0) {
    assert(performance.now() < end, "never given up");
    await delay(5);
    slowly.wire.bufferedAmount = Math.max(0, slowly.wire.bufferedAmount - 1);
  }
  assertEquals(slowly.slow.count, 0);
  slowly.box.clear();
});

Deno.test("Outbox flushes all that waits before a close", () => {
  const { wire, push, box } = outbox(1);
  for (const text of ["a", "b", "c"]) push(text, 0);
  assertEquals(wire.sent, ["a"]);
  box.flush();
  assertEquals(wire.sent, ["a", "b", "c"]);
});

Deno.test("Outbox loses, doubles and swaps nothing, however the socket takes it", async () => {
  const steps = fc.array(fc.oneof(fc.constant("push"), fc.constant("take"), fc.constant("wait")), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const { wire, push, box, slow } = outbox(100);
      let pushed = 0;
      for (const step of steps) {
        if (step === "push") push(`message ${pushed++}`.padEnd(40, "."));
        else if (step === "take") wire.bufferedAmount = 0;
        else await delay(1);
      }
      box.flush();
      assertEquals(slow.count, 0);
      assertEquals(wire.sent.map((text) => parseInt(text.slice(8))), [...Array(pushed).keys()]);
    }),
    { numRuns: 40 },
  );
});
