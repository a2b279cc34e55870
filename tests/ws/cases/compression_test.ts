/** Literal messages of permessage-deflate (RFC 7692) against the hardened server and the client. */

import { assertEquals } from "@std/assert";
import { DEFLATE_SECTIONS } from "./compression.ts";
import { faultsOf } from "./player.ts";
import { clientSubject, serverSubject } from "./subjects.ts";

for (const { name, agreement, cases } of DEFLATE_SECTIONS) {
  Deno.test(`compression: ${name} to a hardened server`, async () => {
    await using subject = serverSubject(true, { agreement });
    assertEquals(await faultsOf(subject, cases), []);
  });

  Deno.test(`compression: ${name} to the client`, async () => {
    await using subject = clientSubject({ agreement });
    assertEquals(await faultsOf(subject, cases), []);
  });
}
