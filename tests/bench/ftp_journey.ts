/**
 * Makes the journey of the tests with our FTP client and with lftp, curl, basic-ftp and ftplib, and prints a
 * table in Markdown. A check can fail because of an earlier one that the client cannot do: `--verbose` tells
 * the reasons.
 *
 * ```sh
 * deno run -A tests/bench/ftp_journey.ts
 * deno run -A tests/bench/ftp_journey.ts --verbose lftp vsftpd
 * ```
 *
 * **Permissions**: all; it starts servers and clients.
 *
 * @module
 */

import { connectFtp, downloadTree, uploadTree } from "../../net/ftp/mod.ts";
import { testCertificates } from "../_support/certificates.ts";
import { type FtpPeer, startPyftpdlib, startVsftpd } from "../_support/ftp.ts";
import { type CheckResult, type JourneyKit, travelWith } from "../_support/ftp_journey.ts";
import { needsFtpServer, startProftpd } from "../_support/ftp_servers.ts";
import { type Availability, needs, needsPython, needsRoot } from "../_support/peers.ts";
import { DRIVERS } from "./_ftp_peer_drivers.ts";
import { kitOf } from "./_ftp_peers.ts";

/** A server. */
interface Server {
  readonly name: string;
  readonly needs: Availability;
  readonly start: () => Promise<FtpPeer>;
  /** Whether it has the user `ann`. */
  readonly hasAnn: boolean;
}

const ALL: readonly Server[] = [
  {
    name: "vsftpd",
    needs: needsRoot("vsftpd", needs("vsftpd")),
    start: () => startVsftpd({}),
    hasAnn: false,
  },
  {
    name: "ProFTPD",
    needs: needsFtpServer("proftpd"),
    start: () => startProftpd({ tls: true }),
    hasAnn: true,
  },
  {
    name: "pyftpdlib",
    needs: needsPython("pyftpdlib", "OpenSSL"),
    start: () => startPyftpdlib("starttls"),
    hasAnn: true,
  },
];

/** Returns what the command line names, or all if it names none of them. */
function chosen<T>(all: readonly T[], nameOf: (one: T) => string): T[] {
  const some = all.filter((one) => Deno.args.includes(nameOf(one)));
  return some.length > 0 ? some : [...all];
}

const SERVERS = chosen(ALL, ({ name }) => name).filter(({ name, needs: { ignore, reason } }) => {
  if (ignore) console.error(`Without ${name}: ${reason}`);
  return !ignore;
});

/** What became of a check with one client, over all servers. */
type Mark = "yes" | "wrong" | "none";

const local = await Deno.makeTempDir();
const { ca } = await testCertificates();
await Deno.writeTextFile(`${local}/ca.pem`, ca);
const ours: JourneyKit = { connectFtp, uploadTree, downloadTree };
const all: [string, JourneyKit][] = [
  ["Portside", ours],
  ...Object.entries(DRIVERS).map(([name, start]): [string, JourneyKit] => [
    name,
    kitOf(start, `${local}/ca.pem`, local),
  ]),
];
const kits = chosen(all, ([name]) => name);
const isVerbose = Deno.args.includes("--verbose");

/** Makes one journey through one server. */
async function results(kit: JourneyKit, { start, hasAnn }: Server): Promise<CheckResult[]> {
  await using peer = await start();
  await Deno.mkdir(`${peer.folder}/up`, { recursive: true });
  const login = hasAnn ? { username: "ann", password: "secret" } : {};
  const options = { ...login, caCerts: [ca], port: peer.port, timeout: 10_000 };
  return await travelWith(kit, options, peer.folder, ["odd names", "bytes"]);
}

function markOf({ error, isUnable }: CheckResult): Mark {
  if (isUnable) return "none";
  return error === undefined ? "yes" : "wrong";
}

const marks = new Map<string, Mark[][]>();
for (const [at, [client, kit]] of kits.entries()) {
  for (const server of SERVERS) {
    for (const result of await results(kit, server)) {
      const row = marks.get(result.name) ?? kits.map(() => []);
      marks.set(result.name, row);
      row[at]!.push(markOf(result));
      if (isVerbose && markOf(result) === "wrong") {
        console.error(
          `${client}, ${server.name}, ${result.name}: ${String(result.error).slice(0, 200)}`,
        );
      }
    }
    console.error(`${client} through ${server.name}`);
  }
}

/** Returns a cell: yes, –, or the number of servers with which the check fails. */
function cell(all: readonly Mark[]): string {
  const wrong = all.filter((mark) => mark === "wrong").length;
  if (wrong > 0) return `fails with ${wrong}`;
  return all.includes("none") ? "–" : "yes";
}

const names = kits.map(([name]) => name);
console.log(`| Check | ${names.join(" | ")} |\n| --- |${" --- |".repeat(names.length)}`);
const cells = [...marks].map(([check, row]) => [check.replaceAll("|", "\\|"), ...row.map(cell)]);
for (const row of cells) console.log(`| ${row.join(" | ")} |`);
const total = (wanted: (text: string) => boolean) =>
  names.map((_, at) => cells.filter((row) => wanted(row[at + 1]!)).length).join(" | ");
console.log(`| **right** | ${total((text) => text === "yes")} |`);
console.log(`| **fails** | ${total((text) => text.startsWith("fails"))} |`);
console.log(`| **cannot** | ${total((text) => text === "–")} |`);
await Deno.remove(local, { recursive: true });
Deno.exit();
