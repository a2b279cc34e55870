/** Port scans: all ports of a host with 20 open, and ports behind a firewall. @module */

import { findProgram, isolated, needs, needsNamespace } from "../_support/peers.ts";
import type { Bench, Figure } from "./_bench.ts";
import { type Program, runPrograms } from "./_programs.ts";

const PEERS = "tests/bench/peers";
const OPEN = 20;
/** An address that no other program uses. */
const HOST = "127.77.0.3";
/** The address behind the firewall, and the number of its ports that answer. */
const [FIREWALLED, ANSWERING] = ["127.77.0.4", 20];
const FIREWALL = `nft 'table inet f {
  chain i { type filter hook input priority 0
    tcp dport 1-${ANSWERING} accept
    ip daddr ${FIREWALLED} tcp flags & (syn | ack) == syn drop
  }
}' && exec "$0" "$@"`;

/** Measures how many ports a second are looked at. */
export async function benchScan(bench: Bench): Promise<Figure[]> {
  const figures = [await allPorts(bench)];
  for (const ports of [1000, 5000]) {
    if (needs("nft").ignore || needsNamespace().ignore) {
      bench.leaveOut("firewall", "needs nft and namespaces");
    } else figures.push(await behindFirewall(bench, ports));
  }
  return figures;
}

async function allPorts(bench: Bench): Promise<Figure> {
  const listeners = Array.from(
    { length: OPEN },
    () => Deno.listen({ hostname: HOST, port: 0 }),
  );
  for (const listener of listeners) accept(listener);
  const title = `Scan of all 65535 ports of a host, ${OPEN} open`;
  try {
    const series = await runPrograms(bench, title, [
      ours(bench, 65_535, OPEN, HOST, "-p", "-"),
      ...nmap(bench, 65_535, OPEN, HOST, "-p-", "-T4"),
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
      targets: [{ against: ["nmap -sT -T4"], ratio: 1, chart: true }, { against: ["bare Deno"] }],
    };
  } finally {
    for (const listener of listeners) listener.close();
  }
}

/** A firewall that drops the packets of all ports but a few, in a network of the measurement's own. */
async function behindFirewall(bench: Bench, ports: number): Promise<Figure> {
  const title = `Scan of ${ports} ports behind a firewall that drops packets`;
  const range = `1-${ports}`;
  const inside = (program: Program): Program => ({
    ...program,
    command: isolated("sh", "-c", FIREWALL, ...program.command).flat(),
  });
  const programs = [
    ours(bench, ports, 0, FIREWALLED, "-p", range),
    ...nmap(bench, ports, 0, FIREWALLED, "-p", range, "-Pn", "-T4"),
  ];
  const series = await runPrograms(bench, title, programs.map(inside));
  return {
    title,
    unit: "ports/s",
    note: `ports 1 to ${ANSWERING} are closed, nothing else answers`,
    series,
    targets: [{ against: ["nmap -sT -T4"], ratio: 1 / 1.2 }],
  };
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
    command: [bench.deno, "run", "-q", "--lock=deno.lock", "-P=scan", "tools/scan.ts", ...args],
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
    command: [path, "-n", "-sT", ...args],
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
