/** Port scans of 127.0.0.1: all ports with 20 open, and 1000 of which half are filtered. @module */

import { findProgram } from "../_support/peers.ts";
import type { Bench, Figure } from "./_bench.ts";
import { type Program, runPrograms } from "./_programs.ts";

const PEERS = "tests/bench/peers";
const OPEN = 20;
const FILTERED = 500;

/** Measures how many ports a second are looked at. */
export async function benchScan(bench: Bench): Promise<Figure[]> {
  return [await allPorts(bench), await filteredPorts(bench)];
}

async function allPorts(bench: Bench): Promise<Figure> {
  const listeners = Array.from(
    { length: OPEN },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  for (const listener of listeners) accept(listener);
  const title = `Scan of all 65535 ports of 127.0.0.1, ${OPEN} open`;
  try {
    const series = await runPrograms(bench, title, [
      ours(bench, 65_535, OPEN, "-p", "-"),
      ...nmap(bench, 65_535, OPEN, "-p-", "-T4"),
      {
        name: "bare Deno",
        command: [bench.deno, "run", "-q", "--allow-net", `${PEERS}/scan_bare.ts`],
        read: scanned(65_535, OPEN, Number),
      },
      {
        name: "Node",
        command: [bench.node, `${PEERS}/scan_node.mjs`],
        read: scanned(65_535, OPEN, Number),
      },
      {
        name: "Python, 100 threads",
        command: [bench.python, `${PEERS}/scan_python.py`],
        read: scanned(65_535, OPEN, Number),
      },
    ]);
    return {
      title,
      unit: "ports/s",
      note: "the start of each program is part of it; who finds fewer than are open fails",
      series,
      targets: [{ against: ["nmap -sT -T4"], ratio: 1 }, { against: ["bare Deno"] }],
    };
  } finally {
    for (const listener of listeners) listener.close();
  }
}

/** The ports of listeners whose backlog is full answer nobody. */
async function filteredPorts(bench: Bench): Promise<Figure> {
  const listeners: Deno.TcpListener[] = [];
  const held: Deno.Conn[] = [];
  const title = `Scan of 1000 ports, ${FILTERED} filtered`;
  try {
    const first = 20_000;
    const ports: number[] = [];
    for (let port = first; ports.length < FILTERED; port++) {
      try {
        listeners.push(Deno.listen({ hostname: "127.0.0.1", port, tcpBacklog: 1 }));
      } catch {
        continue;
      }
      for (let i = 0; i < 2; i++) held.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      ports.push(port);
    }
    const all = [...ports, ...Array.from({ length: 500 }, (_, i) => i + 1)].join();
    const series = await runPrograms(bench, title, [
      ours(bench, 1000, 0, "-p", all, "--adaptive"),
      ...nmap(bench, 1000, 0, "-p", all, "-T3"),
    ]);
    return {
      title,
      unit: "ports/s",
      note: "ours with --adaptive, nmap with its default",
      series,
      targets: [{ against: ["nmap -sT -T3"], ratio: 3 }],
    };
  } finally {
    for (const one of [...held, ...listeners]) one.close();
  }
}

/** Ports a second, of a scan that has found what is open. */
function scanned(ports: number, open: number, count: (output: string) => number): Program["read"] {
  return (output, seconds) => {
    const found = count(output);
    if (found >= open) return ports / seconds;
    throw new Error(`${found} of ${open} open ports were found`);
  };
}

function ours(bench: Bench, ports: number, open: number, ...args: string[]): Program {
  return {
    name: "ours",
    command: [bench.deno, "run", "-q", "-P=scan", "tools/scan.ts", "127.0.0.1", ...args],
    read: scanned(ports, open, (output) => Number(/(\d+) open, /.exec(output)?.[1])),
  };
}

function nmap(bench: Bench, ports: number, open: number, ...args: string[]): Program[] {
  const path = findProgram("nmap");
  if (path === undefined) {
    bench.leaveOut("nmap", "not installed");
    return [];
  }
  return [{
    name: `nmap -sT ${args.at(-1)}`,
    command: [path, "-n", "-sT", ...args, "127.0.0.1"],
    read: scanned(ports, open, (output) => output.match(/^\d+\/tcp +open/gm)?.length ?? 0),
  }];
}

async function accept(listener: Deno.TcpListener): Promise<void> {
  while (true) {
    try {
      (await listener.accept()).close();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      // nmap resets what it has opened, which the accept may see already.
    }
  }
}
