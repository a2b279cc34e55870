/**
 * Compares clients of IMAP by the dialogues: `deno run -A --lock=deno.lock tests/net/imap/compare.ts`
 * prints a table of them, with what went wrong.
 *
 * @module
 */

import { connectImap } from "../../../net/imap/client.ts";
import { type LineServer, lineServer } from "../../_support/line_server.ts";
import { pythonWith } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { bytesOf, DEEDS } from "./_deeds.ts";
import { type Deed, type Row, ROWS } from "./_dialogues.ts";

/** What a client has to do. */
interface Task {
  readonly port: number;
  readonly does: Deed;
}

/** What came of it. */
interface Report {
  /** The result; undefined if the command failed. */
  readonly value?: unknown;
  /** Whether the client leaves the reading of the result to its caller. */
  readonly raw?: boolean;
  /** Whether the session has gone on. */
  readonly alive?: boolean;
  readonly error?: string;
}

/** Runs tasks. */
type Client = (tasks: readonly Task[]) => Promise<Report[]>;

/** The commands of deeds. */
const COMMANDS: Partial<Record<Deed, RegExp>> = {
  list: /^LIST /i,
  select: /^(?:SELECT|EXAMINE) /i,
  status: /^STATUS /i,
  search: /^UID SEARCH/i,
  copy: /^UID COPY/i,
  move: /^UID MOVE/i,
  noop: /^NOOP/i,
};

/** Starts a server that answers the command of a deed, once a first NOOP has come. */
function rowServer({ does, says }: Row): LineServer {
  let isReady = false;
  let isOver = false;
  return lineServer("* OK ready\r\n", async (line, conn) => {
    const [, tag = "", command = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    const isDeed = isReady && !isOver && (COMMANDS[does] ?? /^(?:UID )?FETCH/i).test(command);
    isReady ||= command.toUpperCase() === "NOOP";
    if (isDeed) {
      isOver = true;
      await conn.write(bytesOf(says, tag));
      return "";
    }
    const data = /^CAPABILITY/i.test(command)
      ? "* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n"
      : /^(?:SELECT|EXAMINE)/i.test(command)
      ? "* 9 EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 3] x\r\n* OK [UIDNEXT 10] x\r\n"
      : "";
    return `${data}${tag} OK done\r\n`;
  });
}

/** Does a task with this package. */
async function doTask({ port, does }: Task): Promise<Report> {
  try {
    await using mail = await connectImap({
      ...{ port, tls: "none", allowPlaintextLogin: true, timeout: 4000 },
      ...{ username: "ann", password: "secret" },
    });
    await mail.select("Start");
    await mail.noop();
    const value = await DEEDS[does](mail) ?? null;
    await mail.noop();
    return { value, alive: true };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Returns the clients that this machine has. */
export function clients(): Record<string, Client> {
  const python = pythonWith("imaplib");
  const file = (name: string) => new URL(`clients/${name}`, import.meta.url).pathname;
  const peer = (program: string, ...args: string[]): Client => async (tasks) => {
    const { stdout } = await runPeer(program, args, JSON.stringify(tasks), 240_000);
    return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  };
  return {
    Portside: (tasks) => Promise.all(tasks.map(doTask)),
    // Node does not find the packages that imapflow needs in the cache of Deno.
    imapflow: peer(Deno.execPath(), "run", "-A", "--lock=deno.lock", file("imapflow_client.mjs")),
    ...(python && { imaplib: peer(python, file("imaplib_client.py")) }),
  };
}

/** Runs all rows with a client. Returns the fault of each: empty if there is none. */
export async function faultsOf(client: Client): Promise<(string | undefined)[]> {
  const servers = ROWS.map(rowServer);
  try {
    const reports = await client(ROWS.map(({ does }, i) => ({ port: servers[i]!.port, does })));
    return ROWS.map((row, i) => faultOf(row, reports[i] ?? {}));
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Returns the fault in a report; undefined if the client leaves the reading to its caller. */
function faultOf({ must, ends = false }: Row, report: Report): string | undefined {
  if (ends) return report.error === undefined ? "goes on" : "";
  if (report.error !== undefined) return report.error;
  if (report.alive !== true) return "ends the session";
  if (report.raw === true) return undefined;
  return JSON.stringify(report.value) === JSON.stringify(must)
    ? ""
    : `has ${JSON.stringify(report.value)}`;
}

async function main(): Promise<void> {
  const all = Object.entries(clients());
  const columns: (string | undefined)[][] = [];
  for (const [, client] of all) columns.push(await faultsOf(client));
  const row = (cells: readonly string[]) =>
    console.log(`| ${cells.map((one) => one.replace(/[|\r\n]/g, " ")).join(" | ")} |`);
  row(["Does", "Dialogue", ...all.map(([name]) => name)]);
  row(["---", "---", ...all.map(() => "---")]);
  const cell = (fault: string | undefined) =>
    fault === undefined ? "raw" : fault === "" ? "yes" : `no: ${fault.slice(0, 60)}`;
  for (const [i, { does, name }] of ROWS.entries()) {
    row([does, name, ...columns.map((faults) => cell(faults[i]))]);
  }
  row(["", "right", ...columns.map((faults) => `${faults.filter((one) => one === "").length}`)]);
}

if (import.meta.main) await main();
