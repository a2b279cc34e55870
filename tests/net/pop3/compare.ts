/**
 * Compares clients of POP3 by the dialogues: `deno run -A --lock=deno.lock tests/net/pop3/compare.ts`
 * prints a table of them, with what went wrong.
 *
 * @module
 */

import { connectPop3 } from "../../../net/pop3/client.ts";
import { pythonWith } from "../../_support/peers.ts";
import { type Pop3Report, pop3ScriptServer } from "../../_support/pop3_script.ts";
import { runPeer } from "../../_support/runnable.ts";
import { DIALOGUES, type Pop3Dialogue, USUAL_REPORT } from "./dialogues.ts";

/** Reads the mail of servers, one after the other. */
type Client = (ports: readonly number[]) => Promise<Pop3Report[]>;

/** Reads the mail of a server with this package. */
export async function readMail(port: number, timeout = 4000): Promise<Pop3Report> {
  const report: { -readonly [Part in keyof Pop3Report]: Pop3Report[Part] } = {
    deleted: false,
    quit: false,
  };
  const step = async <Part extends keyof Pop3Report>(
    part: Part,
    work: () => Promise<Pop3Report[Part]>,
  ) => {
    try {
      report[part] = await work();
    } catch (error) {
      report.error ??= `${error}`;
    }
  };
  try {
    await using mail = await connectPop3({
      ...{ port, timeout, tls: "none", allowPlaintextLogin: true },
      ...{ username: "ann", password: "secret" },
    });
    await mail.stat();
    const text = async (number: number) => await new Response(await mail.retrieve(number)).text();
    await step("sizes", async () => (await mail.list()).map(({ number, size }) => [number, size]));
    await step("uids", async () => (await mail.uids()).map(({ number, uid }) => [number, uid]));
    await step("first", () => text(1));
    await step("second", () => text(2));
    await step("head", async () => await new Response(await mail.top(1)).text());
    await step("deleted", () => mail.delete(1).then(() => true));
    await step("quit", () => mail.quit().then(() => true));
  } catch (error) {
    report.error ??= `${error}`;
  }
  return report;
}

/** Returns what is wrong with a report; an empty string if all is right. */
export function faultOf({ got = {} }: Pop3Dialogue, report: Pop3Report): string {
  const wanted = { ...USUAL_REPORT, ...got };
  for (const part of Object.keys(USUAL_REPORT) as (keyof Pop3Report)[]) {
    const [found, right] = [report[part], wanted[part]].map((one) => JSON.stringify(one));
    if (found !== right) return `${part} is ${found?.slice(0, 60)}: ${report.error ?? ""}`;
  }
  return "";
}

/** Runs all dialogues with a client. Returns what is wrong with each. */
async function faultsOf(client: Client): Promise<string[]> {
  const servers = DIALOGUES.map(({ says }) => pop3ScriptServer(says));
  try {
    const reports = await client(servers.map(({ port }) => port));
    return DIALOGUES.map((one, i) => faultOf(one, reports[i] ?? {}));
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function main(): Promise<void> {
  const python = pythonWith("poplib");
  const script = new URL("clients/poplib_client.py", import.meta.url).pathname;
  const clients: Record<string, Client> = {
    Portside: (ports) => Promise.all(ports.map((port) => readMail(port))),
    ...(python && {
      poplib: async (ports) => {
        const { stdout } = await runPeer(python, [script], JSON.stringify(ports), 240_000);
        return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      },
    }),
  };
  const columns: string[][] = [];
  for (const client of Object.values(clients)) columns.push(await faultsOf(client));
  const row = (cells: readonly string[]) =>
    console.log(`| ${cells.map((one) => one.replace(/[|\n]/g, " ")).join(" | ")} |`);
  row(["Dialogue", ...Object.keys(clients)]);
  row(["---", ...columns.map(() => "---")]);
  for (const [i, { name }] of DIALOGUES.entries()) {
    const cells = columns.map((faults) =>
      faults[i] === "" ? "yes" : `no: ${faults[i]!.slice(0, 70)}`
    );
    row([name, ...cells]);
  }
  row(["right", ...columns.map((faults) => `${faults.filter((fault) => fault === "").length}`)]);
}

if (import.meta.main) await main();
