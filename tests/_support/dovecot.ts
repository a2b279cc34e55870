/** Dovecot on loopback, for the clients of POP3 and IMAP. @module */

import { assert } from "@std/assert";
import type { DevelopmentCertificate } from "../../net/tls/certificate.ts";
import { type Availability, needs, needsRoot } from "./peers.ts";
import { testCertificates } from "./certificates.ts";
import { freePorts, untilOpen } from "./ports.ts";

/** Whether it can be started: it changes to the user that owns the mail, which takes root. */
export function needsDovecot(): Availability {
  return needsRoot("dovecot", needs("dovecot", "doveadm"));
}

/** A running server; every user has the password `secret`. */
export interface Dovecot extends AsyncDisposable {
  readonly imap: number;
  readonly imaps: number;
  readonly pop3: number;
  readonly pop3s: number;
  /** Where it says whether a password is right, for a server of SMTP. */
  readonly auth: number;
  /** The folder of all mail, and who owns it. */
  readonly mail: { readonly folder: string; readonly owner: number };
  /** Puts a message into a user's inbox. */
  deliver(user: string, message: string): Promise<void>;
  /** The folder of a user's inbox, a Maildir. */
  maildir(user: string): string;
}

/** Debian's www-data: an ordinary user that is on every machine. */
const OWNER = 33;

/** Files that settings name, besides the usual ones. Their contents by name. */
type MoreFiles = Readonly<Record<string, string>>;

/**
 * Starts one in a temporary folder, which offers the given mechanisms.
 *
 * @param settings More settings, which come before the usual ones; `$FOLDER` stands for the folder.
 * @param certificate Default: the good one of the tests.
 */
export async function startDovecot(
  mechanisms = "plain login scram-sha-256",
  settings = "",
  files: MoreFiles = {},
  certificate?: DevelopmentCertificate,
): Promise<Dovecot> {
  const folder = await Deno.makeTempDir({ prefix: "portside-dovecot." });
  const mail = `${folder}/mail`;
  const { key, cert } = certificate ?? (await testCertificates()).good;
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0, auth = 0] = freePorts(5);
  await Deno.mkdir(mail);
  await Deno.chown(mail, OWNER, OWNER);
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, key);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  const config = `${folder}/dovecot.conf`;
  const listener = (name: string, port: number, ssl = false) =>
    `  inet_listener ${name} {\n    port = ${port}\n${ssl ? "    ssl = yes\n" : ""}  }\n`;
  await Deno.writeTextFile(
    config,
    `base_dir = ${folder}/run
log_path = ${folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = ${mechanisms}
mail_location = maildir:${mail}/%u
first_valid_uid = 1
auth_failure_delay = 0
mail_max_userip_connections = 100
${settings.replaceAll("$FOLDER", folder)}
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=${OWNER} gid=${OWNER} home=${mail}/%u
}
service anvil {
  # Without this, a refused login delays the next ones from the same address.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
${listener("imap", imap)}${listener("imaps", imaps, true)}}
service pop3-login {
${listener("pop3", pop3)}${listener("pop3s", pop3s, true)}}
service auth {
${listener("auth", auth)}}
`,
  );
  // What goes on in the background keeps the pipes of its parent.
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const run = (program: string, ...args: string[]) =>
    new Deno.Command(program, { args: ["-c", config, ...args], ...quiet }).spawn().status;
  assert((await run("dovecot")).success, "dovecot does not start");
  for (const port of [imap, imaps, pop3, pop3s, auth]) await untilOpen(port);
  let count = 0;
  const maildir = (user: string) => `${mail}/${user}`;
  return {
    imap,
    imaps,
    pop3,
    pop3s,
    auth,
    mail: { folder: mail, owner: OWNER },
    maildir,
    async deliver(user, message) {
      for (const part of ["", "/tmp", "/new", "/cur"]) {
        const path = maildir(user) + part;
        await Deno.mkdir(path).catch(() => {});
        await Deno.chown(path, OWNER, OWNER);
      }
      const name = `${Date.now()}.${++count}.portside`;
      const path = `${maildir(user)}/tmp/${name}`;
      await Deno.writeTextFile(path, message);
      await Deno.chown(path, OWNER, OWNER);
      await Deno.rename(path, `${maildir(user)}/new/${name}`);
    },
    async [Symbol.asyncDispose]() {
      await run("doveadm", "stop");
      await Deno.remove(folder, { recursive: true });
    },
  };
}
