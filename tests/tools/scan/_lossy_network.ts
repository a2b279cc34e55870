/** Listens on many ports, scans them, and prints the number of open ones. For a namespace. @module */

import { scan } from "../../../tools/scan.ts";

const [hostname, count] = ["127.77.0.5", 200];
const listeners = Array.from(
  { length: count },
  () => Deno.listen({ hostname, port: 0, tcpBacklog: 64 }),
);
const ports = listeners.map(({ addr }) => addr.port);
let open = 0;
for await (const { state } of scan(hostname, { ports })) if (state === "open") open++;
console.log(`${open} of ${count}`);
for (const listener of listeners) listener.close();
