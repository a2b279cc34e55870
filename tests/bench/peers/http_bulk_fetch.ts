/** Large bodies and many URLs with `fetch`. @module */

import { authority, measureBulk } from "./_http_bulk.ts";

using client = Deno.createHttpClient(authority === undefined ? {} : { caCerts: [authority] });
await measureBulk({
  get: async (url) => (await fetch(url, { client })).body!,
  post: async (url, body) => (await fetch(url, { client, method: "POST", body })).text(),
  async getAll(urls) {
    let done = 0;
    const left = urls[Symbol.iterator]();
    await Promise.all(Array.from({ length: 10 }, async () => {
      for (let next; !(next = left.next()).done; done++) {
        await (await fetch(next.value, { client })).bytes();
      }
    }));
    return done;
  },
});
