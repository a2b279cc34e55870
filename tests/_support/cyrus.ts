/** Cyrus IMAP on loopback, unpacked or installed. @module */

import { assert } from "@std/assert";
import { testCertificates } from "./certificates.ts";
import { type Availability, findProgram, needs, needsRoot } from "./peers.ts";
import { freePorts, untilOpen } from "./ports.ts";

/** Debian's www-data: an ordinary user that is on every machine. */
const OWNER = 33;

/** The folder into which the packages were unpacked; empty for the root of the file system. */
function rootFolder(): string {
  return (findProgram("cyrmaster") ?? "").replace(/\/usr\/.*$/, "");
}

function environment(root: string): Record<string, string> {
  return { LD_LIBRARY_PATH: `${root}/usr/lib/x86_64-linux-gnu` };
}

/** Whether it can be started: its libraries are there, and it changes to another user, which takes root. */
export function needsCyrus(): Availability {
  const found = needsRoot("cyrus", needs("cyrmaster", "saslpasswd2"));
  if (found.ignore) return found;
  const root = rootFolder();
  const { success } = new Deno.Command(`${root}/usr/lib/cyrus/bin/cyr_buildinfo`, {
    env: environment(root),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  const reason = success ? "" : "libraries of cyrus are missing";
  return { ignore: !success, reason, suffix: success ? "" : ` (${reason})` };
}

/** A running server; the user `ann` has the password `secret`. */
export interface Cyrus extends AsyncDisposable {
  readonly imap: number;
  readonly imaps: number;
}

/** Starts one in a temporary folder. */
export async function startCyrus(): Promise<Cyrus> {
  const root = rootFolder();
  const env = environment(root);
  const folder = await Deno.makeTempDir({ prefix: "portside-cyrus." });
  const { good } = await testCertificates();
  const [imap = 0, imaps = 0] = freePorts(2);
  const imapd = `${root}/usr/lib/cyrus/bin/imapd -C ${folder}/imapd.conf`;
  const listen = (port: number) => `listen="127.0.0.1:${port}" proto="tcp4" prefork=0`;
  const files = {
    "cert.pem": good.cert,
    "key.pem": good.key,
    "imapd.conf": `configdirectory: ${folder}/lib
partition-default: ${folder}/spool
defaultpartition: default
cyrus_user: www-data
cyrus_group: www-data
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${folder}/sasldb2
sasl_mech_list: PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5
sasl_plugin_path: ${root}/usr/lib/x86_64-linux-gnu/sasl2
tls_server_cert: ${folder}/cert.pem
tls_server_key: ${folder}/key.pem
autocreate_quota: 10000
autocreate_inbox_folders: Sent
xlist-sent: Sent
specialusealways: yes
altnamespace: no
unixhierarchysep: no
`,
    "cyrus.conf": `START {
  recover cmd="${root}/usr/lib/cyrus/bin/ctl_cyrusdb -C ${folder}/imapd.conf -r"
}
SERVICES {
  imap cmd="${imapd}" ${listen(imap)}
  imaps cmd="${imapd} -s" ${listen(imaps)}
}
EVENTS {
}
`,
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  for (const name of ["lib", "spool", "run"]) await Deno.mkdir(`${folder}/${name}`);
  const user = new Deno.Command(findProgram("saslpasswd2")!, {
    args: ["-f", `${folder}/sasldb2`, "-p", "-c", "-u", Deno.hostname(), "ann"],
    env,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await new Blob(["secret"]).stream().pipeTo(user.stdin);
  assert((await user.status).success, "saslpasswd2 fails");
  for (const name of ["", ...Object.keys(files), "lib", "spool", "run", "sasldb2"]) {
    await Deno.chown(`${folder}/${name}`, OWNER, OWNER);
  }
  const master = new Deno.Command(`${root}/usr/lib/cyrus/bin/master`, {
    args: [
      "-C",
      `${folder}/imapd.conf`,
      "-M",
      `${folder}/cyrus.conf`,
      "-p",
      `${folder}/run/pid`,
      "-D",
    ],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (const port of [imap, imaps]) await untilOpen(port);
  return {
    imap,
    imaps,
    async [Symbol.asyncDispose]() {
      master.kill("SIGTERM");
      await master.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
