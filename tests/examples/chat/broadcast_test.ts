import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Broadcast, Listener } from "../../../examples/chat/broadcast.ts";
import type { RoomEvent } from "../../../examples/chat/lobby.ts";

const decoder = new TextDecoder();
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function message(seq: number, text = `line ${seq}`, room = "lobby"): RoomEvent {
  return { type: "message", seq, at: 0, room, from: "Ann", user: 1, text, action: false };
}

/** A listener that keeps what is queued for it. */
function keep(): { listener: Listener; sent: Uint8Array[]; text: () => string } {
  const sent: Uint8Array[] = [];
  const listener = new Listener((bytes) => sent.push(bytes));
  return { listener, sent, text: () => sent.map((bytes) => decoder.decode(bytes)).join("") };
}

Deno.test("Broadcast queues the lines of one turn once, with the same bytes for all listeners", async () => {
  const broadcast = new Broadcast({ lang: "en", replay: 0 }, 1024);
  const [one, two] = [keep(), keep()];
  for (let seq = 1; seq <= 3; seq++) {
    const events = [message(seq)];
    for (const { listener } of [one, two]) broadcast.tell(listener, events);
  }
  assertEquals(one.sent, []);
  await turn();
  assertEquals(one.text(), "Ann: line 1\nAnn: line 2\nAnn: line 3\n");
  assertEquals([one.sent.length, two.sent.length], [1, 1]);
  assertStrictEquals(one.sent[0], two.sent[0]);
});

Deno.test("Broadcast gives each listener its own lines in order", async () => {
  const steps = fc.array(
    fc.record({
      rooms: fc.boolean(),
      texts: fc.array(fc.string({ unit: "grapheme", maxLength: 30 }), {
        minLength: 1,
        maxLength: 5,
      }),
      deaf: fc.subarray([0, 1, 2]),
      after: fc.constantFrom("nothing", "nothing", "flush", "turn"),
    }),
    { maxLength: 30 },
  );
  await fc.assert(fc.asyncProperty(steps, async (steps) => {
    const broadcast = new Broadcast({ lang: "en", replay: 0 }, 100);
    const users = [keep(), keep(), keep()];
    const wanted = users.map(() => "");
    for (const [i, { rooms, texts, deaf, after }] of steps.entries()) {
      // Users 0 and 1 are in the lobby, 1 and 2 in the other room, as if 1 went to and fro.
      const events = texts.map((text) => message(i, text, rooms ? "tea" : "lobby"));
      for (const who of rooms ? [1, 2] : [0, 1]) {
        if (deaf.includes(who)) continue;
        broadcast.tell(users[who]!.listener, events);
        wanted[who] += texts.map((text) => `Ann: ${text}\n`).join("");
      }
      if (after === "turn") await turn();
      if (after === "flush") users[i % 3]!.listener.flush();
    }
    await turn();
    assertEquals(users.map(({ text }) => text()), wanted);
  }));
});

Deno.test("Broadcast never queues much more than a portion at once", async () => {
  const broadcast = new Broadcast({ lang: "en", replay: 0 }, 1000);
  const user = keep();
  for (let seq = 0; seq < 1000; seq++) {
    broadcast.tell(user.listener, [message(seq, "é".repeat(50))]);
  }
  await turn();
  assertEquals(user.text().match(/\n/g)?.length, 1000);
  assert(user.sent.every(({ length }) => length <= 1106));
});

Deno.test("Broadcast lets talkers wait for the next turn when a portion is used up", async () => {
  const broadcast = new Broadcast({ lang: "en", replay: 0 }, 100);
  assertEquals(broadcast.spend(99), undefined);
  const first = broadcast.spend(1);
  assertStrictEquals(broadcast.spend(1), first);
  assert(first !== undefined);
  await first;
  assertEquals(broadcast.spend(99), undefined);
});
