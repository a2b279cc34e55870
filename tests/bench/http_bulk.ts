/** HTTP clients: bodies of 200 MB in both directions, and the memory of 10,000 URLs. @module */

import { type Bench, denoServer, type Figure, type Measurement, type Rounds } from "./_bench.ts";
import { type CertificateFiles, withCertificate } from "./_certificate.ts";
import { Child, startServer } from "./_process.ts";

const PEERS = "tests/bench/peers";
const CLIENTS = { "ours": "http_bulk_ours.ts", "bare fetch": "http_bulk_fetch.ts" };
/** How long a client may take, in milliseconds. */
const PATIENCE = 120_000;
/** The most that the memory of our client may grow, in MiB: half of a body, mostly the young generation of V8. */
const GROWTH = 96;

/** What is measured: a large response, a large request, or the memory of many small requests. */
type Work = "down" | "up" | "urls";

/** One run: what was moved, in what time, and by how much the memory grew. */
interface Run extends Measurement {
  /** Growth of the resident memory in MiB. */
  readonly grown: number;
}

/** Measures megabytes per second, and the growth of memory meanwhile. */
export function benchHttpBulk(bench: Bench): Promise<Figure[]> {
  return withCertificate(async (files) => {
    const figures: Figure[] = [];
    for (const tls of [false, true]) {
      for (const work of ["down", "up"] as const) {
        const runs = await measureAll(bench, work, tls, files);
        const title = `HTTP client, 200 MB ${work}${tls ? " over TLS" : ""}`;
        figures.push({
          title,
          unit: "MB/s",
          note: "one body in chunks of 64 KiB; the server is bare Deno.serve, CPU is the client's",
          series: runs,
          targets: [{ against: ["bare fetch"], ratio: tls ? 1 : 0.95 }],
        }, growth(`${title}, memory`, runs));
      }
    }
    const urls = await measureAll(bench, "urls", false, files);
    return [
      ...figures,
      growth("HTTP client, from 2,000 to 10,000 URLs with fetchAll, memory", urls),
    ];
  });
}

function growth(title: string, runs: readonly Rounds<Run>[]): Figure {
  const series = runs.map(({ name, rounds }) => ({
    name,
    rounds: rounds.map(({ grown }) => ({ value: grown })),
  }));
  const note = "growth of the resident memory of the client, without a forced collection";
  return { title, unit: "MiB", note, series, targets: [], atMost: GROWTH };
}

async function measureAll(
  bench: Bench,
  work: Work,
  tls: boolean,
  files: CertificateFiles,
): Promise<Rounds<Run>[]> {
  const all = Object.entries(CLIENTS);
  const series = all.map(([name]) => ({ name, rounds: new Array<Run>() }));
  for (let round = 0; round < bench.settings.rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % all.length;
      const [name, file] = all[at]!;
      bench.progress(
        `HTTP client, ${work}: round ${round + 1} of ${bench.settings.rounds}, ${name}`,
      );
      await using server = await startServer([
        ...denoServer(bench, `${PEERS}/http_bulk_server.ts`, `--allow-read=${files.folder}`),
        ...tls ? [files.cert, files.key] : [],
      ]);
      await using client = new Child([
        ...denoServer(bench, `${PEERS}/${file}`, `--allow-read=${files.folder}`),
        `${server.port}`,
        work,
        ...tls ? [files.ca] : [],
      ]);
      const [, json = ""] = await client.line(/^end (.*)$/, PATIENCE);
      const { count, ns, cpu, grown } = JSON.parse(json) as Record<
        "count" | "ns" | "cpu" | "grown",
        number
      >;
      series[at]!.rounds[round] = {
        value: count / 1e6 / (ns / 1e9),
        server: { cores: cpu / ns, thread: 0, starved: 0 },
        grown: grown / 2 ** 20,
      };
    }
  }
  return series;
}
