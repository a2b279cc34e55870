/** Our proxy, with all its limits and a log that nobody reads, for the benchmark. */

import { serveProxy } from "../../../http/proxy/proxy.ts";

const server = serveProxy({ allowPrivate: true, connectPorts: "any", onEntry() {} });
console.log(`listening on ${server.url}`);
