/** Files over FTP: one large file both ways, and a tree of small ones. @module */

import { delay } from "@std/async/delay";
import { startPyftpdlib } from "../_support/ftp.ts";
import { findProgram, needsPython } from "../_support/peers.ts";
import type { Bench, Figure } from "./_bench.ts";
import { startServer } from "./_process.ts";
import { type Program, runPrograms, timedBy } from "./_programs.ts";

const PEERS = "tests/bench/peers";
const MEGABYTES = 1000;
const SMALL_FILES = 500;
/** The time of each reply of a server far away, in milliseconds. */
const LATENCY = 5;

/** Measures bytes and files a second. */
export async function benchFtp(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  const files = needsPython("pyftpdlib", "OpenSSL");
  if (files.ignore) bench.leaveOut("FTP of large files", files.reason);
  else figures.push(...await benchLarge(bench));
  figures.push(...await benchTrees(bench));
  return figures;
}

async function benchLarge(bench: Bench): Promise<Figure[]> {
  await using server = await startPyftpdlib("none");
  const megabyte = new Uint8Array(1_000_000);
  const big = `${server.folder}/big`;
  using file = await Deno.open(big, { write: true, create: true });
  for (let i = 0; i < MEGABYTES; i++) await file.write(megabyte);
  await delay(500);
  const figures: Figure[] = [];
  await import("basic-ftp");
  for (const way of ["down", "up"] as const) {
    const title = `FTP: ${MEGABYTES} MB ${way}`;
    const words = [`${MEGABYTES}`, `ftp-${way}`, `${server.port}`];
    const read = timedBy(MEGABYTES);
    const deno = [bench.deno, "run", "-q", "--allow-net=127.0.0.1"];
    const basic = import.meta.resolve("basic-ftp");
    const programs: Program[] = [
      { name: "ours", command: [...deno, `${PEERS}/mail_ours.ts`, ...words], read },
      { name: "bare Deno", command: [...deno, `${PEERS}/ftp_bare.ts`, ...words], read },
      { name: "ftplib", command: [bench.python, `${PEERS}/mail_python.py`, ...words], read },
      { name: "basic-ftp", command: [bench.node, `${PEERS}/mail_node.mjs`, ...words, basic], read },
    ];
    const curl = findProgram("curl");
    if (curl === undefined) bench.leaveOut("FTP by curl", "curl is not installed");
    else programs.push(curlProgram(curl, way, server.port, big));
    figures.push({
      title,
      unit: "MB/s",
      note: "no TLS; pyftpdlib serves all, and is the limit",
      series: await runPrograms(bench, title, programs),
      targets: [
        { against: ["ftplib", "basic-ftp", "curl"], ratio: 1, chart: true },
        { against: ["bare Deno"], ratio: 0.95 },
      ],
    });
  }
  return figures;
}

function curlProgram(curl: string, way: "down" | "up", port: number, big: string): Program {
  const url = `ftp://ann:secret@127.0.0.1:${port}/${way === "down" ? "big" : "up-curl"}`;
  const files = way === "down" ? ["-o", "/dev/null"] : ["-T", big];
  const told = "%{size_download} %{size_upload} %{time_total}";
  return {
    name: "curl",
    command: [curl, "-sS", ...files, "-w", told, url],
    read(output) {
      const [down = 0, up = 0, seconds = 0] = output.split(" ").map(Number);
      if (down + up !== MEGABYTES * 1e6) throw new Error(`curl moved ${down + up} bytes`);
      return MEGABYTES / seconds;
    },
  };
}

async function benchTrees(bench: Bench): Promise<Figure[]> {
  const folder = "--allow-read --allow-write --allow-net=127.0.0.1 --allow-env".split(" ");
  const figures: Figure[] = [];
  const program = `${PEERS}/ftp_server.ts`;
  const allowed = [bench.deno, "run", "-q", "--allow-net=127.0.0.1"];
  await using server = await startServer([...allowed, program, `${SMALL_FILES}`, `${LATENCY}`]);
  for (const way of ["down", "up"] as const) {
    const title = `FTP: ${SMALL_FILES} small files ${way}, ${LATENCY} ms for each reply`;
    const programs = [1, 4].map((connections): Program => ({
      name: connections === 1 ? "one session" : "ours",
      command: [
        ...[bench.deno, "run", "-q", ...folder, `${PEERS}/ftp_tree.ts`],
        ...[`${SMALL_FILES}`, way, `${server.port}`, `${connections}`],
      ],
      read: timedBy(SMALL_FILES),
    }));
    figures.push({
      title,
      unit: "files/s",
      note: "ours has four sessions",
      series: await runPrograms(bench, title, programs.toReversed()),
      targets: [{ against: ["one session"], ratio: 3 }],
    });
  }
  return figures;
}
