/** HTTP clients: many small answers, with all that a session has switched on. @module */

import { type Bench, can, denoServer, type Figure, hasModule, type Measurement } from "./_bench.ts";
import { Child, startServer } from "./_process.ts";

const PEERS = "tests/bench/peers";
const UNDICI = "undici@7.16.0";

/** Measures answers per second of clients with 50 requests in flight. */
export async function benchHttpClient(bench: Bench): Promise<Figure[]> {
  const { rounds, measure, connections } = bench.settings;
  const title = `HTTP client, ${connections} in flight, small answers`;
  const folder = await Deno.makeTempDir({ prefix: "portside-bench-" });
  try {
    const clients = await contenders(bench, folder);
    const series = clients.map(({ name }) => ({ name, rounds: new Array<Measurement>() }));
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < clients.length; i++) {
        bench.signal.throwIfAborted();
        const at = (round + i) % clients.length;
        const { name, command } = clients[at]!;
        bench.progress(`${title}: round ${round + 1} of ${rounds}, ${name}`);
        await using server = await startServer(denoServer(bench, `${PEERS}/http_server_bare.ts`));
        const args = [server.port, connections, measure].map(String);
        await using client = new Child(command(args));
        const [, json = ""] = await client.line(/^end (.*)$/, 60_000 + measure);
        const { count, ns, cpu } = JSON.parse(json) as Record<"count" | "ns" | "cpu", number>;
        // What is measured is the client, which shares the machine with the server.
        const used = { cores: cpu / ns, thread: 0, starved: 0 };
        series[at]!.rounds[round] = { value: count / (ns / 1e9), server: used };
      }
    }
    return [{
      title,
      unit: "answers/s",
      note:
        "each user asks, reads the JSON, and asks again; the server is bare Deno.serve, CPU is the client's",
      series,
      targets: [
        { against: ["bare fetch"], ratio: 0.9 },
        { against: ["undici pool on Node"] },
        { against: ["undici fetch on Node"] },
        { against: ["aiohttp"] },
        { against: ["requests"] },
      ],
    }];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Client {
  readonly name: string;
  readonly command: (args: readonly string[]) => string[];
}

async function contenders(bench: Bench, folder: string): Promise<Client[]> {
  const deno = (file: string, ...more: string[]) => (args: readonly string[]) => [
    ...denoServer(bench, `${PEERS}/${file}`),
    ...args,
    ...more,
  ];
  const clients: Client[] = [
    { name: "ours", command: deno("http_client_ours.ts") },
    { name: "bare fetch", command: deno("http_client_bare.ts") },
    { name: "ours with a dialer", command: deno("http_client_ours.ts", "dialer") },
  ];
  const install = ["npm", "install", "--silent", "--no-save", "--prefix", folder, UNDICI];
  if (bench.missing.has(bench.node)) bench.leaveOut("undici", `no ${bench.node}`);
  else if (await can(bench, "undici", "npm cannot install it", ...install)) {
    const file = `${PEERS}/http_client_undici.mjs`;
    clients.push(
      {
        name: "undici pool on Node",
        command: (args) => [bench.node, file, ...args, folder],
      },
      {
        name: "undici fetch on Node",
        command: (args) => [bench.node, file, ...args, folder, "fetch"],
      },
    );
  }
  for (const module of ["aiohttp", "requests"]) {
    if (!await hasModule(bench, module)) continue;
    const file = `${PEERS}/http_client_${module}.py`;
    clients.push({ name: module, command: (args) => [bench.python, file, ...args] });
  }
  return clients;
}
