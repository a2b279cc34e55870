/** Every case, in every delivery, against the servers on both transports and the client. */

import { assertEquals } from "@std/assert";
import { SECTIONS } from "./all.ts";
import { faultsOf } from "./player.ts";
import { clientSubject, serverSubject, type Subject } from "./subjects.ts";

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "a hardened server": () => serverSubject(true),
  "a server on Deno's transport": () => serverSubject(false),
  "the client": () => clientSubject(),
};

Deno.test("the names of all cases are unique", () => {
  const ids = Object.values(SECTIONS).flat().map(({ id }) => id);
  assertEquals(ids.length, new Set(ids).size);
});

for (const [name, make] of Object.entries(SUBJECTS)) {
  for (const [section, cases] of Object.entries(SECTIONS)) {
    Deno.test(`cases of ${section} against ${name}`, async () => {
      await using subject = make();
      assertEquals(await faultsOf(subject, cases), []);
    });
  }
}
