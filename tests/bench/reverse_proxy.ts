/** Reverse proxies: small requests with keep-alive, and what the proxy adds to a bare handler. @module */

import { type Bench, type Contender, denoServer, type Figure, runRounds } from "./_bench.ts";
import { outputOf, startServer } from "./_process.ts";
import { ask, needWrk } from "./_wrk.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

const PEERS = "tests/bench/peers";
const CONNECTIONS = 32;
const BARE = "a handler of ours";
const NGINX = "nginx";
const NODE = "node:http on Node";

/** Measures requests per second and per CPU second. */
export async function benchReverseProxy(bench: Bench): Promise<Figure[]> {
  await needWrk();
  if (await outputOf(["sh", "-c", "command -v nginx"]) === undefined) {
    throw new CliError("Cannot find nginx: apt-get install nginx", ExitCode.missing);
  }
  await using origin = await startServer([bench.python, `${PEERS}/proxy_daemon.py`, "nginx"]);
  const target = `http://127.0.0.1:${origin.port}`;
  const ours = denoServer(bench, `${PEERS}/reverse_ours.ts`);
  const contenders: Contender[] = [
    { name: "ours", command: [...ours, target] },
    { name: BARE, command: [...ours, "bare"] },
    { name: NODE, command: [bench.node, `${PEERS}/reverse_node.mjs`, target] },
    { name: NGINX, command: [bench.python, `${PEERS}/reverse_nginx.py`, target] },
  ];
  const title = `HTTP reverse proxy, small requests, ${CONNECTIONS} connections`;
  const series = await runRounds(
    bench,
    title,
    contenders,
    (server) => ask(bench, server, "/small", CONNECTIONS),
  );
  return [{
    title,
    unit: "requests/s",
    note: "wrk with one thread, keep-alive; the origin is nginx with one worker",
    series,
    targets: [{ against: [NODE], ratio: 1, chart: true }, { against: [NGINX] }, {
      against: [BARE],
    }],
    perCpu: true,
  }];
}
