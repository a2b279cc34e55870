/** Ends of connections, against the hardened server and the client. */

import { assertEquals } from "@std/assert";
import { within } from "../../_support/runnable.ts";
import { CLOSE, PONG } from "./case.ts";
import { type Ending, ENDINGS, SUBJECT_CLOSE } from "./endings.ts";
import { clientSubject, serverSubject, type Subject } from "./subjects.ts";
import { encodeCaseFrame, type Wire } from "./wire.ts";

const OPTIONS = { closeTimeout: 250 };
const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "a hardened server": () => serverSubject(true, OPTIONS),
  "the client": () => clientSubject(OPTIONS),
};

/** Reads until the end; returns the codes of all close frames. Pongs may come before them. */
async function closeFrames(wire: Wire): Promise<number[]> {
  const codes: number[] = [];
  for (let frame; (frame = await wire.readFrame()) !== undefined;) {
    if (frame.opcode === PONG && codes.length === 0) continue;
    assertEquals(frame.opcode, CLOSE);
    codes.push(frame.payload.length === 0 ? 1005 : frame.payload[0]! << 8 | frame.payload[1]!);
  }
  return codes;
}

async function play(one: Ending, subject: Subject): Promise<void> {
  const { wire, conn, done } = await subject.open();
  try {
    const codes: number[] = [];
    if (one.first === "subject") {
      void conn.close(SUBJECT_CLOSE.code, SUBJECT_CLOSE.reason);
      if (!one.crossed) {
        const frame = await wire.readFrame();
        codes.push(frame!.payload[0]! << 8 | frame!.payload[1]!);
      }
    }
    for (const frame of one.sends) void wire.write(encodeCaseFrame(frame, wire.client));
    if (one.fin) await wire.end();
    // The subject ends the TCP connection, within `closeTimeout` if the tester does not.
    codes.push(...await within(10_000, "the end of the stream", closeFrames(wire)));
    assertEquals(codes, one.frame === undefined ? [] : [one.frame], "close frames of the subject");
    const { code, wasClean, error } = await conn.closed;
    const { code: wanted, wasClean: clean, error: kind } = one;
    assertEquals({ code, wasClean, kind: error?.kind }, { code: wanted, wasClean: clean, kind });
    assertEquals(conn.stats().received, 0, "messages passed to the program");
    await within(10_000, "gone", conn.gone);
  } finally {
    await wire.written;
    wire[Symbol.dispose]();
    await done();
  }
}

for (const [name, make] of Object.entries(SUBJECTS)) {
  Deno.test(`ends of connections with ${name}`, async () => {
    await using subject = make();
    const faults: string[] = [];
    for (const one of ENDINGS) {
      try {
        await play(one, subject);
      } catch (error) {
        faults.push(`${one.id}: ${(error as Error).message}`);
      }
    }
    assertEquals(faults, []);
  });
}
