/** HTTP clients: many small answers, with all that a session has switched on. @module */

import { type Bench, can, denoServer, type Figure, hasModule, type Measurement } from "./_bench.ts";
import { type CertificateFiles, withCertificate } from "./_certificate.ts";
import { Child, startServer } from "./_process.ts";

const PEERS = "tests/bench/peers";
const UNDICI = "undici@7.16.0";

/** One table: what is asked, and how often at once. */
interface Setting {
  readonly method: "GET" | "POST";
  readonly tls: boolean;
  readonly users: number;
}

/** Measures answers per second of clients: GET and POST, plain and TLS, one after the other and many. */
export function benchHttpClient(bench: Bench): Promise<Figure[]> {
  return withCertificate(async (files) => {
    const clients = await contenders(bench, files);
    const figures: Figure[] = [];
    for (const tls of [false, true]) {
      for (const method of ["GET", "POST"] as const) {
        for (const users of [bench.settings.connections, 1]) {
          figures.push(await measureAll(bench, clients, { method, tls, users }, files));
        }
      }
    }
    return figures;
  });
}

async function measureAll(
  bench: Bench,
  clients: readonly Client[],
  setting: Setting,
  files: CertificateFiles,
): Promise<Figure> {
  const { rounds, measure } = bench.settings;
  const { method, tls, users } = setting;
  const title = `HTTP client, ${method}${tls ? " over TLS" : ""}, ${
    users === 1 ? "one after the other" : `${users} in flight`
  }`;
  const fit = clients.filter(({ plain }) => !plain || (method === "GET" && !tls && users > 1));
  const series = fit.map(({ name }) => ({ name, rounds: new Array<Measurement>() }));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < fit.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % fit.length;
      const { name, command } = fit[at]!;
      bench.progress(`${title}: round ${round + 1} of ${rounds}, ${name}`);
      await using server = await startServer([
        ...denoServer(bench, `${PEERS}/http_server_bare.ts`, `--allow-read=${files.folder}`),
        ...(tls ? [files.cert, files.key] : []),
      ]);
      const args = [server.port, users, measure, method, tls ? files.ca : ""].map(String);
      await using client = new Child(command(args));
      const [, json = ""] = await client.line(/^end (.*)$/, 60_000 + measure);
      const { count, ns, cpu } = JSON.parse(json) as Record<"count" | "ns" | "cpu", number>;
      // What is measured is the client, which shares the machine with the server.
      const used = { cores: cpu / ns, thread: 0, starved: 0 };
      series[at]!.rounds[round] = { value: count / (ns / 1e9), server: used };
    }
  }
  return {
    title,
    unit: "answers/s",
    note:
      "each user asks, reads the JSON, and asks again; the server is bare Deno.serve, CPU is the client's",
    series,
    targets: [
      { against: ["bare fetch"], ratio: 2 },
      { against: ["undici pool on Node"], ratio: 1.2, chart: true },
      { against: ["bare loop"], ratio: 0.8 },
      ...fit.filter(({ plain }) => plain).map(({ name }) => ({ against: [name] })),
    ],
  };
}

interface Client {
  readonly name: string;
  /** Whether it takes part only in plain GET requests. */
  readonly plain?: boolean;
  readonly command: (args: readonly string[]) => string[];
}

async function contenders(bench: Bench, { folder }: CertificateFiles): Promise<Client[]> {
  const deno = (file: string) => (args: readonly string[]) => [
    ...denoServer(bench, `${PEERS}/${file}`, `--allow-read=${folder}`),
    ...args,
  ];
  const clients: Client[] = [
    { name: "ours", command: deno("http_client_ours.ts") },
    { name: "bare fetch", command: deno("http_client_bare.ts") },
    { name: "bare loop", command: deno("http_client_loop.ts") },
  ];
  const install = ["npm", "install", "--silent", "--no-save", "--prefix", folder, UNDICI];
  if (bench.missing.has(bench.node)) bench.leaveOut("undici", `no ${bench.node}`);
  else if (await can(bench, "undici", "npm cannot install it", ...install)) {
    const file = `${PEERS}/http_client_undici.mjs`;
    clients.push(
      { name: "undici pool on Node", command: (args) => [bench.node, file, ...args, folder] },
      {
        name: "undici fetch on Node",
        plain: true,
        command: (args) => [bench.node, file, ...args, folder, "fetch"],
      },
    );
  }
  for (const module of ["aiohttp", "requests"]) {
    if (!await hasModule(bench, module)) continue;
    const file = `${PEERS}/http_client_${module}.py`;
    const command = (args: readonly string[]) => [bench.python, file, ...args.slice(0, 3)];
    clients.push({ name: module, plain: true, command });
  }
  return clients;
}
