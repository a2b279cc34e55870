/** Large bodies and many URLs with `createClient` and `fetchAll`. @module */

import { createClient } from "../../../http/client/client.ts";
import { fetchAll } from "../../../http/client/fetch_all.ts";
import { authority, measureBulk } from "./_http_bulk.ts";

await using client = createClient({
  maxBody: Infinity,
  ...authority === undefined ? {} : { caCerts: [authority] },
});
await measureBulk({
  get: async (url) => (await client.get(url)).body!,
  post: (url, body) => client.post(url, { body }).text(),
  async getAll(urls) {
    let done = 0;
    for await (const result of fetchAll(urls, { client, concurrency: 10 })) if (result.ok) done++;
    return done;
  },
});
