/** Compressed messages of all sizes and parameters, against the hardened server and the client. */

import { assertEquals } from "@std/assert";
import type { Delivery, WsCase } from "./case.ts";
import {
  type Agreement,
  AGREEMENTS,
  CONTENTS,
  extensionOf,
  PARAMETER_TRAFFIC,
  type Traffic,
} from "./compression.ts";
import { stepsOf } from "./deflater.ts";
import { faultsOf } from "./player.ts";
import { clientSubject, serverSubject, type Subject } from "./subjects.ts";

const SUBJECTS: Readonly<Record<string, (agreement: Agreement) => Subject>> = {
  "a hardened server": (agreement) => serverSubject(true, { agreement }),
  "the client": (agreement) => clientSubject({ agreement }),
};

/** Makes the cases of traffic one after the other, because they are large. */
async function* casesOf(
  all: readonly Traffic[],
  agreement: Agreement,
  { side }: Subject,
): AsyncGenerator<WsCase> {
  const tester = side === "server" ? "client" : "server";
  const deliveries: Delivery[] = ["at once"];
  for (const traffic of all) {
    const { content, size, count, frame } = traffic;
    const id = `deflate/${count}-${content}-of-${size}${frame === undefined ? "" : `-in-${frame}`}`;
    const steps = await stepsOf(traffic, agreement, tester);
    yield { id, rfc: "7692 §7.2", steps, outcome: { end: "normal" }, deliveries };
  }
}

for (const [name, make] of Object.entries(SUBJECTS)) {
  for (const [content, all] of Map.groupBy(CONTENTS, ({ content }) => content)) {
    Deno.test(`compression: ${content} of all sizes to ${name} and back`, async () => {
      await using subject = make({});
      assertEquals(await faultsOf(subject, casesOf(all, {}, subject)), []);
    });
  }
  for (const agreement of AGREEMENTS) {
    Deno.test(`compression: ${extensionOf(agreement)} with ${name}`, async () => {
      await using subject = make(agreement);
      assertEquals(await faultsOf(subject, casesOf(PARAMETER_TRAFFIC, agreement, subject)), []);
    });
  }
}
