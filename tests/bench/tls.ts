/** TLS: echo over open connections, and handshakes. @module */

import { developmentCertificate } from "../../net/tls/certificate.ts";
import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  type Measurement,
  runRounds,
  type Target,
  watchLoad,
} from "./_bench.ts";
import { outputOf, type RunningServer } from "./_process.ts";

const PEERS = "tests/bench/peers";
const ON_DENO = "ours, on Deno's engine";

/** Measures round trips over TLS, then handshakes, where openssl is there to make them. */
export async function benchTls(bench: Bench): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "portside-bench." });
  try {
    const { cert, key, ca } = await developmentCertificate();
    const files = [`${folder}/cert.pem`, `${folder}/key.pem`];
    await Promise.all(files.map((file, i) => Deno.writeTextFile(file, [cert, key][i]!)));
    const deno = (file: string, ...args: string[]) => [
      ...denoServer(bench, `${PEERS}/${file}`, `--allow-read=${folder}`),
      ...files,
      ...args,
    ];
    const contenders: Contender[] = [
      { name: "ours", command: deno("tls_ours.ts") },
      { name: ON_DENO, command: deno("tls_ours.ts", "deno") },
      { name: "bare Deno", command: deno("tls_bare.ts") },
      { name: "Node tls", command: [bench.node, `${PEERS}/tls_node.mjs`, ...files] },
    ];
    const figures: Figure[] = [];
    for (const size of [64, 64 * 1024]) figures.push(await echo(bench, contenders, size, ca));
    const openssl = await outputOf(["openssl", "version"]);
    if (openssl !== undefined) figures.push(await handshakes(bench, contenders));
    else bench.progress("openssl is not installed: no handshakes are measured");
    return figures;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The most that one record of TLS carries, in bytes. */
const RECORD = 16 * 1024;
const DELAYED =
  ". `Deno.listenTls` leaves Nagle's algorithm on: all records of an answer but the " +
  "first wait 44 ms for the client's acknowledgement, ours on Deno's engine and bare alike, so " +
  "neither is limited by its CPU; the default engine does not wait";

/** The targets of both engines, of which the first is the default. */
function targetsOf(ratio: number): Target[] {
  return ["ours", ON_DENO].flatMap((of) => [
    { of, against: ["Node tls"], ratio, chart: of === "ours" },
    { of, against: ["bare Deno"], ratio: 0.95, perCpu: true },
  ]);
}

async function echo(
  bench: Bench,
  contenders: Contender[],
  size: number,
  ca: string,
): Promise<Figure> {
  const { connections, warmup, measure } = bench.settings;
  const what = size < 1024 ? `${size} bytes` : `${size / 1024} KiB`;
  const title = `TLS echo, ${connections} connections, ${what} a message`;
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "echo", connections, size, warmup, measure, ca } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return {
    title,
    unit: "round trips/s",
    note: "as the TCP echo; the load is Deno's (load.ts, two processes), which has to do as much " +
      "TLS as the server and shares its cores: the figure for a CPU second is the one to compare" +
      (size > RECORD ? DELAYED : ""),
    series,
    targets: targetsOf(size > RECORD ? 0.9 : 1),
    perCpu: size <= RECORD,
  };
}

async function handshakes(bench: Bench, contenders: Contender[]): Promise<Figure> {
  const title = "TLS handshakes, one client";
  const seconds = Math.max(1, Math.round(bench.settings.measure / 1000));
  const series = await runRounds(bench, title, contenders, async (server): Promise<Measurement> => {
    return { value: await shakeHands(server, seconds) };
  });
  return {
    title,
    unit: "handshakes/s",
    note: "`openssl s_time -new`: one connection after the other, TLS 1.3, P-256, no resumption",
    series,
    targets: ["ours", ON_DENO].map((of) => ({ of, against: ["Node tls"], ratio: 1 })),
  };
}

async function shakeHands(server: RunningServer, seconds: number): Promise<number> {
  const at = `127.0.0.1:${server.port}`;
  const output = await outputOf(
    ["openssl", "s_time", "-connect", at, "-new", "-time", String(seconds)],
  );
  const match = /(\d+) connections in (\d+) real seconds/.exec(output ?? "");
  if (match === null) throw new Error(`openssl s_time gave no figure: ${output}`);
  // It goes on into the second in which it stops.
  return Number(match[1]) / Number(match[2]);
}
