/** Asks a server over and over with `createClient`: retries, limits, redirects, counters all on. @module */

import { createClient } from "../../../http/client/client.ts";
import { measure, question, VALUE } from "./_http_load.ts";

const asked = question();
const { url, method, users, ca } = asked;
await using client = createClient({
  maxPerHost: users,
  ...(ca === undefined ? {} : { caCerts: [ca] }),
  timeouts: { total: 60_000 },
});
await measure(
  asked,
  method === "GET" ? () => client.get(url).json() : () => client.post(url, { json: VALUE }).json(),
);
