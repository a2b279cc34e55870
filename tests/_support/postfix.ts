/** Postfix on loopback, which delivers into the Maildirs of a Dovecot. @module */

import type { DevelopmentCertificate } from "../../net/tls/certificate.ts";
import type { Dovecot } from "./dovecot.ts";
import { type Availability, needs, needsRoot } from "./peers.ts";
import { testCertificates } from "./certificates.ts";
import { freePorts, untilOpen } from "./ports.ts";

const PROGRAMS = "/usr/lib/postfix/sbin";

/** Whether it can be started: it changes to a user of its own, which takes root. */
export function needsPostfix(): Availability {
  return needsRoot("postfix", needs("postfix", "postconf"));
}

/** A running server; `ann@b.test` and `bob@b.test` get mail there, nobody else. */
export interface Postfix extends AsyncDisposable {
  /** With STARTTLS; a login is taken after it only. */
  readonly smtp: number;
  /** With TLS from the beginning. */
  readonly smtps: number;
}

/** The folders of its queue that must be there. */
const QUEUE = "active bounce corrupt defer deferred flush hold incoming maildrop pid private " +
  "public saved trace";

/** The services, by the name that others call them; whom they belong to follows from them. */
const SERVICES = `
cleanup    unix  n  -  n  -  0  cleanup
qmgr       unix  n  -  n  300  1  qmgr
tlsmgr     unix  -  -  n  1000?  1  tlsmgr
rewrite    unix  -  -  n  -  -  trivial-rewrite
bounce     unix  -  -  n  -  0  bounce
defer      unix  -  -  n  -  0  bounce
trace      unix  -  -  n  -  0  bounce
verify     unix  -  -  n  -  1  verify
flush      unix  n  -  n  1000?  0  flush
proxymap   unix  -  -  n  -  -  proxymap
error      unix  -  -  n  -  -  error
retry      unix  -  -  n  -  -  error
virtual    unix  -  n  n  -  -  virtual
anvil      unix  -  -  n  -  1  anvil
postlog    unix-dgram n  -  n  -  1  postlogd
`;

/**
 * Starts one in a temporary folder; users and passwords are those of `dovecot`.
 *
 * @param certificate Default: the good one of the tests.
 */
export async function startPostfix(
  dovecot: Dovecot,
  certificate?: DevelopmentCertificate,
): Promise<Postfix> {
  const folder = await Deno.makeTempDir({ prefix: "portside-postfix." });
  const { key, cert } = certificate ?? (await testCertificates()).good;
  const [smtp = 0, smtps = 0] = freePorts(2);
  const owner = await userId("postfix");
  for (const part of ["", "/config", "/data", "/queue"]) {
    await Deno.mkdir(folder + part, { recursive: true });
    await Deno.chmod(folder + part, 0o755);
  }
  await Deno.chown(`${folder}/data`, owner, null);
  for (const part of QUEUE.split(" ")) {
    await Deno.mkdir(`${folder}/queue/${part}`);
    if (part !== "pid") await Deno.chown(`${folder}/queue/${part}`, owner, null);
  }
  await Deno.writeTextFile(`${folder}/config/tls.pem`, key + cert, { mode: 0o600 });
  const { mail } = dovecot;
  await Deno.writeTextFile(
    `${folder}/config/main.cf`,
    `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = post.test
mydestination =
alias_maps =
local_recipient_maps =
inet_protocols = ipv4
mynetworks =
biff = no
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = ${folder}/config/tls.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${dovecot.auth}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
message_size_limit = 1000000
virtual_mailbox_domains = b.test
virtual_mailbox_base = ${mail.folder}
virtual_mailbox_maps = inline:{ ann@b.test=ann/, bob@b.test=bob/ }
virtual_minimum_uid = 1
virtual_uid_maps = static:${mail.owner}
virtual_gid_maps = static:${mail.owner}
`,
  );
  await Deno.writeTextFile(
    `${folder}/config/master.cf`,
    `127.0.0.1:${smtp} inet n - n - - smtpd
127.0.0.1:${smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes${SERVICES}`,
  );
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const master = new Deno.Command(`${PROGRAMS}/master`, {
    args: ["-c", `${folder}/config`, "-d"],
    ...quiet,
  }).spawn();
  const stop = async () => {
    // It ends those that it has started.
    master.kill("SIGTERM");
    await master.status;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    for (const port of [smtp, smtps]) await untilOpen(port);
  } catch (error) {
    const log = await Deno.readTextFile(`${folder}/log`).catch(() => "");
    await stop();
    throw new Error(`postfix does not start: ${log}`, { cause: error });
  }
  return { smtp, smtps, [Symbol.asyncDispose]: stop };
}

async function userId(name: string): Promise<number> {
  const users = await Deno.readTextFile("/etc/passwd");
  const line = users.split("\n").find((one) => one.startsWith(`${name}:`));
  return Number(line?.split(":")[2]);
}
