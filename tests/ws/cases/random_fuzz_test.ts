/**
 * Random cases: valid traffic in random frames and writes must come back unchanged, and random damage
 * must end every connection in an orderly way.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fuzzRuns } from "../../_support/fuzz_runs.ts";
import { within } from "../../_support/runnable.ts";
import {
  BINARY,
  CLOSE,
  closePayload,
  CONTINUATION,
  PING,
  type SentFrame,
  TEXT,
  type WsCase,
} from "./case.ts";
import { play } from "./player.ts";
import { clientSubject, serverSubject, type Subject } from "./subjects.ts";
import { encodeCaseFrame } from "./wire.ts";

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "a hardened server": () => serverSubject(true),
  "the client": () => clientSubject(),
};

const bytes = (max: number) =>
  fc.uint8Array({ maxLength: max, size: "max" }).map((value) => new Uint8Array(value));
const text = fc.string({ unit: "binary", maxLength: 200, size: "max" })
  .map((value) => new TextEncoder().encode(value));
const message = fc.oneof(
  fc.record({ opcode: fc.constant(TEXT), payload: text }),
  fc.record({ opcode: fc.constant(BINARY), payload: bytes(400) }),
  fc.record({ opcode: fc.constant(PING), payload: bytes(125) }),
);
/** Messages, and where each of them is cut into frames. */
const traffic = fc.array(
  fc.record({ message, cuts: fc.array(fc.nat(200), { maxLength: 4 }) }),
  { minLength: 1, maxLength: 12 },
);

/** Returns the frames of a message. */
function framesOf(opcode: number, payload: Uint8Array<ArrayBuffer>, cuts: readonly number[]) {
  const at = [0, ...cuts.filter((cut) => cut <= payload.length).sort((a, b) => a - b)];
  return at.map((start, i): SentFrame => ({
    opcode: i === 0 ? opcode : CONTINUATION,
    payload: payload.slice(start, at[i + 1]),
    fin: i === at.length - 1,
  }));
}

for (const [name, make] of Object.entries(SUBJECTS)) {
  Deno.test(`random messages in random frames come back from ${name}`, async () => {
    await using subject = make();
    const delivery = fc.constantFrom("at once", "by frame", "by byte");
    await fc.assert(
      fc.asyncProperty(traffic, delivery, async (all, how) => {
        const sends = all.flatMap(({ message: { opcode, payload }, cuts }) =>
          framesOf(opcode, payload, opcode === PING ? [] : cuts)
        );
        const expects = all.map(({ message: { opcode, payload } }) => ({
          expect: { opcode: opcode === PING ? 10 : opcode, payload },
        }));
        const steps: WsCase["steps"] = [...sends.map((send) => ({ send })), ...expects];
        await play(
          { id: "random", rfc: "6455 §5", steps, outcome: { end: "normal" } },
          how,
          subject,
        );
      }),
      fuzzRuns(60),
    );
  });

  Deno.test(`random damage ends a connection of ${name} with a valid close frame`, async () => {
    await using subject = make();
    const damage = fc.array(
      fc.record({ at: fc.nat(2000), bits: fc.integer({ min: 1, max: 255 }) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(traffic, damage, async (all, faults) => {
        const { wire, conn, done } = await subject.open();
        try {
          const frames = [
            ...all.flatMap(({ message: { opcode, payload }, cuts }) =>
              framesOf(opcode, payload, opcode === PING ? [] : cuts)
            ),
            { opcode: CLOSE, payload: closePayload(1000) },
          ];
          const stream = new Uint8Array(
            frames.flatMap((one) => [...encodeCaseFrame(one, wire.client)]),
          );
          for (const { at, bits } of faults) stream[at % stream.length]! ^= bits;
          void wire.write(stream);
          await wire.end();
          // Every frame must be valid, and a close frame must be the last one.
          const opcodes: number[] = [];
          const reading = (async () => {
            for (let one; (one = await wire.readFrame()) !== undefined;) opcodes.push(one.opcode);
          })();
          await within(10_000, "the end of the stream", reading);
          const at = opcodes.indexOf(CLOSE);
          assert(at === -1 || at === opcodes.length - 1, `frames ${opcodes}`);
          const { code, wasClean } = await within(10_000, "closed", conn.closed);
          assertEquals(wasClean, code !== 1006);
        } finally {
          wire[Symbol.dispose]();
          await done();
        }
      }),
      fuzzRuns(150),
    );
  });
}
