/** Every case, in every delivery, against the servers on both transports. */

import { assertEquals } from "@std/assert";
import { SECTIONS } from "./all.ts";
import type { Delivery, WsCase } from "./case.ts";
import { deliveriesOf, play } from "./player.ts";
import { serverSubject, type Subject } from "./subjects.ts";

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "a hardened server": () => serverSubject(true),
  "a server on Deno's transport": () => serverSubject(false),
};

Deno.test("the names of all cases are unique", () => {
  const ids = Object.values(SECTIONS).flat().map(({ id }) => id);
  assertEquals(ids.length, new Set(ids).size);
});

for (const [name, make] of Object.entries(SUBJECTS)) {
  for (const [section, cases] of Object.entries(SECTIONS)) {
    Deno.test(`cases of ${section} against ${name}`, async () => {
      await using subject = make();
      const faults: string[] = [];
      for (const one of cases) {
        for (const delivery of deliveriesOf(one, subject)) {
          if (awaits(one, delivery, subject)) continue;
          try {
            await play(one, delivery, subject);
          } catch (error) {
            faults.push(`${one.id} ${delivery}: ${(error as Error).message}`);
          }
        }
      }
      assertEquals(faults, []);
    });
  }
}

/** Whether a case waits for two improvements: answers before a failure, and 1007 inside a frame. */
function awaits({ id, outcome, steps }: WsCase, delivery: Delivery, { strict }: Subject): boolean {
  const answers = steps.filter((step) => "expect" in step && step.expect.opcode < 8);
  const lost = delivery === "at once" && outcome.end === "failed" && answers.length > 0;
  return strict && (lost || id.includes("in-an-unfinished"));
}
