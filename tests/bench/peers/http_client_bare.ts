/** Asks a server over and over with `fetch` and a client of Deno. @module */

import { measure, question, VALUE } from "./_http_load.ts";

const asked = question();
const { url, method, users, ca } = asked;
using client = Deno.createHttpClient({
  poolMaxIdlePerHost: users,
  ...(ca === undefined ? {} : { caCerts: [ca] }),
});
const init = () =>
  method === "GET" ? { client } : {
    client,
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(VALUE),
  };
await measure(asked, async () => (await fetch(url, init())).json());
