/** The fifteen checks over all five transports. */

import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { netChecks } from "../../_support/net_checks.ts";
import { tcpPair, tlsPair, unixPair } from "../../_support/pairs.ts";

netChecks("memory", (options) => Promise.resolve(memoryPair(options)));
netChecks("tcp", tcpPair);
netChecks("tls on deno", tlsPair("deno", "deno"));
netChecks("tls on node", tlsPair("node", "node"));
if (Deno.build.os !== "windows") netChecks("unix", unixPair);
