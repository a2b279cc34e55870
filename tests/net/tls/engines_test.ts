/** The suite of connections over TLS, with every engine on either side. */

import { conformance } from "../../_support/conformance.ts";
import { tlsPair } from "../../_support/pairs.ts";

const ENGINES = ["deno", "node"] as const;

for (const client of ENGINES) {
  for (const server of ENGINES) {
    conformance(`tls, client on ${client}, server on ${server}`, tlsPair(client, server));
  }
}
