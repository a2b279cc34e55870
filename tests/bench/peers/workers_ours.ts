/** Echo with some work for each message, on several cores. Takes the number of workers. @module */

import { serveWithWorkers } from "../../../net/tcp/workers.ts";

const server = await serveWithWorkers({
  module: new URL("_worker.ts", import.meta.url),
  folder: new URL("../../../", import.meta.url),
  workers: Number(Deno.args[0]),
});
console.log(`listening on ${server.url}`);
