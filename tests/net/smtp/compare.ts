/**
 * Compares clients of SMTP by the dialogues: `deno run -A --lock=deno.lock tests/net/smtp/compare.ts`
 * prints a table of them, with what went wrong.
 *
 * @module
 */

import { connectSmtp } from "../../../net/smtp/client.ts";
import { findProgram, pythonWith } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { faultOf, type SmtpReport, type SmtpTask, taskOf } from "../../_support/smtp_dialogue.ts";
import { scriptServer } from "../../_support/smtp_script.ts";
import { ANN } from "../../_support/smtp_server.ts";
import { DIALOGUES, SECOND } from "./dialogues.ts";

/** Runs tasks, one after the other. */
type Client = (tasks: readonly SmtpTask[]) => Promise<SmtpReport[][]>;

const CLIENTS = new URL("clients/", import.meta.url);

/** Sends both messages of a task with this package. */
export async function sendBoth({ port, to, message, login }: SmtpTask): Promise<SmtpReport[]> {
  const reports: SmtpReport[] = [];
  try {
    await using mail = await connectSmtp({
      ...{ port, tls: "none", allowPlaintextLogin: true, timeout: 4000, timeouts: { final: 4000 } },
      ...(login && ANN),
    });
    for (const recipients of [to, [SECOND]]) {
      const report = await mail.send({ from: "ann@a.test", to: recipients }, message)
        .then(
          ({ accepted }) => ({ accepted }),
          ({ message }) => ({ accepted: [], error: message }),
        );
      reports.push(report);
    }
  } catch (error) {
    reports.push({ accepted: [], error: (error as Error).message });
  }
  return reports;
}

/** Returns the clients that this machine has. */
export async function clients(): Promise<Record<string, Client>> {
  const python = pythonWith("smtplib");
  const node = findProgram("node");
  const peer = (program: string, ...args: string[]): Client => async (tasks) => {
    const { stdout } = await runPeer(program, args, JSON.stringify(tasks), 240_000);
    return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  };
  // Deno downloads the package because of the import, and Node gets its file.
  await import("nodemailer");
  return {
    Portside: (tasks) => Promise.all(tasks.map(sendBoth)),
    ...(node && {
      Nodemailer: peer(
        node,
        new URL("nodemailer_client.mjs", CLIENTS).pathname,
        import.meta.resolve("nodemailer"),
      ),
    }),
    ...(python && { smtplib: peer(python, new URL("smtplib_client.py", CLIENTS).pathname) }),
  };
}

/** Runs all dialogues with a client. Returns what is wrong with each; an empty string if nothing is. */
export async function faultsOf(client: Client): Promise<string[]> {
  const servers = DIALOGUES.map(({ says }) => scriptServer(says));
  try {
    const tasks = DIALOGUES.map((one, i) => taskOf(one, servers[i]!.port));
    const reports = await client(tasks);
    return DIALOGUES.map((one, i) => faultOf(one, servers[i]!, reports[i] ?? []));
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function main(): Promise<void> {
  const all = Object.entries(await clients());
  const columns: string[][] = [];
  for (const [, client] of all) columns.push(await faultsOf(client));
  const row = (cells: readonly string[]) => console.log(`| ${cells.join(" | ")} |`);
  row(["Dialogue", ...all.map(([name]) => name)]);
  row(["---", ...all.map(() => "---")]);
  const cell = (fault: string) => fault === "" ? "yes" : `no: ${fault.slice(0, 60)}`;
  for (const [i, { name }] of DIALOGUES.entries()) {
    row(
      [name, ...columns.map((faults) => cell(faults[i]!))].map((one) => one.replace(/[|\n]/g, " ")),
    );
  }
  row(["right", ...columns.map((faults) => `${faults.filter((fault) => fault === "").length}`)]);
}

if (import.meta.main) await main();
