/**
 * Asks a server over and over with `createClient`: retries, limits, redirects, counters all on.
 * A fourth argument "dialer" lets it dial by itself.
 *
 * @module
 */

import { createClient } from "../../../http/client/client.ts";
import { measure } from "./_http_load.ts";

await using client = createClient({
  maxPerHost: Number(Deno.args[1]),
  dialer: Deno.args[3] === "dialer",
  timeouts: { total: 60_000 },
});
await measure((url) => client.get(url).json());
