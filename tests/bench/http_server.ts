/**
 * HTTP servers: small JSON answers to GET and POST, large bodies in both directions, and what an
 * idle connection costs. The load generator is wrk. It shares the machine with the server, so that
 * the CPU second of the server is what is compared.
 *
 * @module
 */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  hasHono,
  hasModule,
  runRounds,
  type Target,
} from "./_bench.ts";
import { IDLE_METHOD, idleDeno, idleNode, measureIdle } from "./idle_memory.ts";
import { outputOf } from "./_process.ts";
import { ask, needWrk } from "./_wrk.ts";
import { CliError } from "../../tools/cli.ts";

const PEERS = "tests/bench/peers";
const HARDENED = "ours, hardened";
const DENO = "bare Deno.serve";
const BYTES = "bare loop, bytes";
const OBJECTS = "bare loop, Request and Response";
const NODE = "node:http";
const HONO = "Hono on Deno";
const HONO_HARDENED = "Hono on ours, hardened";
/** Connections with small requests. */
const CONNECTIONS = 64;
/** Connections with large bodies, each of so many MiB. */
const LARGE_CONNECTIONS = 4;
const LARGE = 16;
/** Idle connections. With a few hundred, the free pages of a heap weigh more than the connections. */
const IDLE = 4000;
const IDLE_ROUNDS = 3;
/** What is streamed each way while memory is watched. */
const STREAMED = 2 * 1024 ** 3;

/** Measures answers per second, large bodies, and memory. */
export async function benchHttpServer(bench: Bench): Promise<Figure[]> {
  await needWrk();
  return [
    await benchAnswers(bench),
    await benchPosts(bench),
    await benchLarge(bench, "16 MiB down, from memory", "/bytes"),
    await benchLarge(bench, "16 MiB down, a stream of 64 KiB chunks", "/stream"),
    await benchLarge(bench, "16 MiB up", "/", `${PEERS}/http_upload.lua`),
    ...await benchIdle(bench),
    await benchMemory(bench),
  ];
}

/** The servers of small answers that need nothing but Deno and Node. */
function contendersOf(bench: Bench): Contender[] {
  const ours = `${PEERS}/http_server_ours.ts`;
  return [
    { name: "ours", command: denoServer(bench, ours) },
    { name: HARDENED, command: [...denoServer(bench, ours), "hardened"] },
    { name: DENO, command: denoServer(bench, `${PEERS}/http_server_bare.ts`) },
    { name: BYTES, command: denoServer(bench, `${PEERS}/http_server_bytes.ts`) },
    { name: OBJECTS, command: denoServer(bench, `${PEERS}/http_server_objects.ts`) },
    { name: NODE, command: [bench.node, `${PEERS}/http_server_node.mjs`] },
  ];
}

async function honoOf(bench: Bench): Promise<Contender[]> {
  if (!await hasHono(bench, HONO)) return [];
  const hono = denoServer(bench, `${PEERS}/http_server_hono.ts`, "--no-lock");
  return [{ name: HONO, command: hono }, { name: HONO_HARDENED, command: [...hono, "hardened"] }];
}

const TARGETS: readonly Target[] = [
  { against: [DENO], ratio: 0.9 },
  { of: HARDENED, against: [NODE], ratio: 1.2, chart: true },
  { of: HARDENED, against: [OBJECTS], ratio: 0.9 },
  { of: HARDENED, against: [BYTES] },
  { of: HARDENED, against: [DENO] },
];

async function benchAnswers(bench: Bench): Promise<Figure> {
  const title = `HTTP server, a JSON answer, ${CONNECTIONS} connections`;
  const contenders = [
    ...contendersOf(bench),
    ...await honoOf(bench),
    ...await hasModule(bench, "aiohttp")
      ? [{ name: "aiohttp", command: [bench.python, `${PEERS}/http_server_aiohttp.py`] }]
      : [],
    { name: "http.server", command: [bench.python, `${PEERS}/http_server_python.py`] },
  ];
  return {
    title,
    unit: "answers/s",
    note: "wrk with one thread; ours goes through the router, hardened with all limits on",
    series: await runRounds(
      bench,
      title,
      contenders,
      (server) => ask(bench, server, "/hello", CONNECTIONS),
    ),
    targets: [
      ...TARGETS,
      { against: [HONO], ratio: 1 },
      { of: HONO_HARDENED, against: [HONO] },
      { against: [NODE], ratio: 1, chart: true },
      { against: ["aiohttp"] },
      { against: ["http.server"] },
    ],
    perCpu: true,
  };
}

async function benchPosts(bench: Bench): Promise<Figure> {
  const title = `HTTP server, a small JSON body and answer, ${CONNECTIONS} connections`;
  const flags = ["-s", `${PEERS}/http_post.lua`];
  const contenders = [...contendersOf(bench), ...await honoOf(bench)];
  return {
    title,
    unit: "answers/s",
    note: "wrk with one thread; each reads the body as JSON and answers with what it says",
    series: await runRounds(
      bench,
      title,
      contenders,
      (server) => ask(bench, server, "/hello", CONNECTIONS, flags),
    ),
    targets: TARGETS,
    perCpu: true,
  };
}

async function benchLarge(
  bench: Bench,
  what: string,
  path: string,
  script?: string,
): Promise<Figure> {
  const title = `HTTP server, ${what}, ${LARGE_CONNECTIONS} connections`;
  const program = denoServer(bench, `${PEERS}/http_large_ours.ts`);
  const contenders = [
    { name: "ours", command: [...program, "deno"] },
    { name: HARDENED, command: [...program, "hardened"] },
    { name: DENO, command: [...program, "bare"] },
    { name: NODE, command: [bench.node, `${PEERS}/http_large_node.mjs`] },
  ];
  const flags = ["--timeout", "30s", ...script === undefined ? [] : ["-s", script]];
  const series = await runRounds(bench, title, contenders, async (server) => {
    const { value, ...rest } = await ask(bench, server, path, LARGE_CONNECTIONS, flags);
    return { value: value * LARGE, ...rest };
  });
  return {
    title,
    unit: "MiB/s",
    note: "wrk with one thread; the whole body is read on both sides",
    series,
    targets: [
      { of: HARDENED, against: [DENO], ratio: 0.9 },
      { of: HARDENED, against: [DENO], ratio: 0.9, perCpu: true },
      { of: HARDENED, against: [NODE] },
      { against: [DENO] },
    ],
  };
}

async function benchIdle(bench: Bench): Promise<Figure[]> {
  const rounds = Math.min(bench.settings.rounds, IDLE_ROUNDS);
  const many = { ...bench, settings: { ...bench.settings, rounds, idle: IDLE } };
  const title = `HTTP server, idle memory, ${IDLE} connections`;
  const ours = idleDeno(bench, `${PEERS}/http_server_ours.ts`);
  const contenders = [
    { name: HARDENED, command: [...ours, "hardened"] },
    { name: "ours", command: ours },
    { name: DENO, command: idleDeno(bench, `${PEERS}/http_server_bare.ts`) },
    { name: NODE, command: idleNode(bench, `${PEERS}/http_server_node.mjs`) },
  ];
  const costs = await runRounds(
    many,
    title,
    contenders,
    (server, contender) => measureIdle(many, server, contender, "http-idle"),
  );
  const figure = (what: string, note: string, which: "silent" | "spoken"): Figure => ({
    title: `${title}, ${what}`,
    unit: "KiB each",
    note: `${note}; ${IDLE_METHOD}`,
    series: costs.map(({ name, rounds }) => ({
      name,
      rounds: rounds.map((cost) => ({ value: cost[which] })),
    })),
    targets: [
      { of: HARDENED, against: [NODE], atMost: 1.2 },
      { of: HARDENED, against: [DENO] },
    ],
  });
  return [
    figure("silent", "opened; nothing was sent yet", "silent"),
    figure("after an answer", "each has asked once and keeps its connection", "spoken"),
  ];
}

async function benchMemory(bench: Bench): Promise<Figure> {
  const title = "HTTP, memory while 2 GiB stream each way";
  const series = [];
  for (const [name, mode] of [["ours", "deno"], [HARDENED, "hardened"]] as const) {
    bench.progress(`${title}: ${name}`);
    const command = [...denoServer(bench, `${PEERS}/http_stream_ours.ts`), mode, `${STREAMED}`];
    const out = await outputOf(command);
    const [, mib] = /^grown by ([\d.]+) MiB$/m.exec(out ?? "") ?? [];
    if (mib === undefined) throw new CliError(`${command.join(" ")} has failed: ${out}`);
    series.push({ name, rounds: [{ value: Number(mib) }] });
  }
  return {
    title,
    unit: "MiB",
    note: "how much more memory client and server together, in one process, had at the most",
    series,
    targets: [],
    atMost: 128,
  };
}
