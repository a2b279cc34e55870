/** Asks a server over and over with `fetch` and a client of Deno. @module */

import { measure } from "./_http_load.ts";

using client = Deno.createHttpClient({ poolMaxIdlePerHost: Number(Deno.args[1]) });
await measure(async (url) => (await fetch(url, { client })).json());
