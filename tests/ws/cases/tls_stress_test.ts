/**
 * The cases of framing and closing over TLS: a close frame must arrive although TLS and TCP end right
 * behind it.
 */

import { assertEquals } from "@std/assert";
import { testCertificates } from "../../_support/certificates.ts";
import type { WsCase } from "./case.ts";
import { CLOSING } from "./closing.ts";
import { FRAMING } from "./framing.ts";
import { LIMITS } from "./limits.ts";
import { faultsOf } from "./player.ts";
import { clientSubject, serverSubject, type SubjectOptions } from "./subjects.ts";

async function secure(): Promise<SubjectOptions> {
  const { ca, good } = await testCertificates();
  return { tls: { ...good, ca } };
}

for (const [name, all] of Object.entries({ framing: FRAMING, closing: CLOSING, limits: LIMITS })) {
  const cases = all.map((one): WsCase => ({ ...one, deliveries: ["at once"] }));
  Deno.test(`cases of ${name} over TLS against a hardened server`, async () => {
    await using subject = serverSubject(true, await secure());
    assertEquals(await faultsOf(subject, cases), []);
  });

  Deno.test(`cases of ${name} over TLS against the client`, async () => {
    await using subject = clientSubject(await secure());
    assertEquals(await faultsOf(subject, cases), []);
  });
}
