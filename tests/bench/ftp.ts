/** Files over FTP: one large file both ways, with TLS and without, and a tree of small ones. @module */

import { delay } from "@std/async/delay";
import { testCertificates } from "../_support/certificates.ts";
import { startPyftpdlib, startVsftpd } from "../_support/ftp.ts";
import { findProgram, needs, needsPython, needsRoot } from "../_support/peers.ts";
import type { Bench, Figure } from "./_bench.ts";
import { startServer } from "./_process.ts";
import { type Program, runPrograms, timedBy } from "./_programs.ts";

const PEERS = "tests/bench/peers";
const MEGABYTES = 1000;
/** The time of each reply of a server far away, in milliseconds. */
const LATENCY = 5;

/** Measures bytes and files a second. */
export async function benchFtp(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  const files = needsPython("pyftpdlib", "OpenSSL");
  if (files.ignore) bench.leaveOut("FTP of large files", files.reason);
  else {
    await using server = await startPyftpdlib("none");
    figures.push(...await benchLarge(bench, server, ["save", "stream", "up"], false));
  }
  const secure = needsRoot("vsftpd", needs("vsftpd"));
  if (secure.ignore) bench.leaveOut("FTP of large files over TLS", secure.reason);
  else {
    await using server = await startVsftpd();
    figures.push(...await benchLarge(bench, server, ["save", "stream"], true));
  }
  figures.push(...await benchTrees(bench));
  return figures;
}

type Way = "save" | "stream" | "up";

/** What each program does. A stream is compared with the one of Deno alone. */
const TITLES = { save: "into a file", stream: "as a stream", up: "up" } as const;

async function benchLarge(
  bench: Bench,
  { port, folder }: { readonly port: number; readonly folder: string },
  ways: readonly Way[],
  secure: boolean,
): Promise<Figure[]> {
  const big = `${folder}/big`;
  {
    using file = await Deno.open(big, { write: true, create: true, mode: 0o644 });
    const megabyte = new Uint8Array(1_000_000);
    for (let i = 0; i < MEGABYTES; i++) await file.write(megabyte);
  }
  await delay(500);
  await import("basic-ftp");
  const local = await Deno.makeTempDir();
  await Deno.writeTextFile(`${local}/ca.pem`, (await testCertificates()).ca);
  const figures: Figure[] = [];
  for (const way of ways) {
    const title = `FTP${secure ? " with TLS" : ""}: ${MEGABYTES} MB ${TITLES[way]}`;
    const words = [`${MEGABYTES}`, way, `${port}`, local, ...secure ? ["tls"] : []];
    const read = timedBy(MEGABYTES);
    const allowed = ["--allow-net=127.0.0.1", `--allow-read=${local}`, `--allow-write=${local}`];
    const deno = [bench.deno, "run", "-q", ...allowed];
    const programs: Program[] = [
      { name: "ours", command: [...deno, `${PEERS}/ftp_ours.ts`, ...words], read },
      { name: "bare Deno", command: [...deno, `${PEERS}/ftp_bare.ts`, ...words], read },
    ];
    if (way !== "stream") {
      programs.push(
        { name: "ftplib", command: [bench.python, `${PEERS}/ftp_python.py`, ...words], read },
      );
      const basic = [...words, import.meta.resolve("basic-ftp")];
      if (!secure) {
        programs.push(
          { name: "basic-ftp", command: [bench.node, `${PEERS}/ftp_node.mjs`, ...basic], read },
        );
      }
      const curl = findProgram("curl");
      if (curl === undefined) bench.leaveOut("FTP by curl", "curl is not installed");
      else programs.push(curlProgram(curl, way, { port, big, local, secure }));
    }
    const others = ["ftplib", "basic-ftp", "curl"];
    const named = others.filter((name) => programs.some((program) => program.name === name));
    figures.push({
      title,
      unit: "MB/s",
      note: `${secure ? "vsftpd" : "no TLS; pyftpdlib"} serves all, and may be the limit`,
      series: await runPrograms(bench, title, programs),
      targets: [
        ...named.length > 0 ? [{ against: named, ratio: 1 }] : [],
        { against: ["bare Deno"], ratio: 0.95 },
      ],
    });
  }
  await Deno.remove(local, { recursive: true });
  return figures;
}

/** The files of a transfer by curl. */
interface CurlFiles {
  readonly port: number;
  readonly big: string;
  readonly local: string;
  readonly secure: boolean;
}

function curlProgram(
  curl: string,
  way: "save" | "up",
  { port, big, local, secure }: CurlFiles,
): Program {
  const login = secure ? "" : "ann:secret@";
  const url = `ftp://${login}127.0.0.1:${port}/${way === "save" ? "big" : "up-curl"}`;
  const files = way === "save" ? ["-o", `${local}/curl`] : ["-T", big];
  const tls = secure ? ["--ssl-reqd", "--cacert", `${local}/ca.pem`] : [];
  const told = "%{size_download} %{size_upload} %{time_total}";
  return {
    name: "curl",
    command: [curl, "-sS", ...files, ...tls, "-w", told, url],
    read(output) {
      const [down = 0, up = 0, seconds = 0] = output.split(" ").map(Number);
      if (down + up !== MEGABYTES * 1e6) throw new Error(`curl moved ${down + up} bytes`);
      return MEGABYTES / seconds;
    },
  };
}

async function benchTrees(bench: Bench): Promise<Figure[]> {
  const { files } = bench.settings;
  const folder = "--allow-read --allow-write --allow-net=127.0.0.1 --allow-env".split(" ");
  const figures: Figure[] = [];
  const program = `${PEERS}/ftp_server.ts`;
  const allowed = [bench.deno, "run", "-q", "--allow-net=127.0.0.1"];
  await using server = await startServer([...allowed, program, `${files}`, `${LATENCY}`]);
  for (const way of ["down", "up"] as const) {
    const title = `FTP: ${files} small files ${way}, ${LATENCY} ms for each reply`;
    const programs = [1, 4].map((connections): Program => ({
      name: connections === 1 ? "one session" : "ours",
      command: [
        ...[bench.deno, "run", "-q", ...folder, `${PEERS}/ftp_tree.ts`],
        ...[`${files}`, way, `${server.port}`, `${connections}`],
      ],
      read: timedBy(files),
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
