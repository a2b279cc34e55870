/**
 * Courier's servers of IMAP and POP3 on loopback. Their packages conflict with Dovecot, so they are
 * unpacked into a folder. A mount namespace shows that folder to them at the places that are compiled in.
 *
 * @module
 */

import { testCertificates } from "./certificates.ts";
import { type Availability, findProgram, needs, needsRoot } from "./peers.ts";
import { freePorts, untilOpen } from "./ports.ts";

/** Debian's www-data: an ordinary user that is on every machine. */
const OWNER = 33;
const QUIET = { stdin: "null", stdout: "null", stderr: "null" } as const;

/** The folder into which the packages were unpacked; empty if they were not. */
function rootFolder(): string {
  return (findProgram("couriertcpd") ?? "").replace(/\/usr\/.*$/, "");
}

/** Shows the unpacked packages as a part of the system, for the process that runs this and no other. */
const overlay = (root: string) =>
  `mount -t overlay overlay -o lowerdir=${root}/usr:/usr /usr && mount -t tmpfs tmpfs /run`;

/** Whether it can be started, which takes root and a mount namespace. */
export function needsCourier(): Availability {
  const found = needsRoot("courier", needs("couriertcpd", "unshare", "mount"));
  if (found.ignore) return found;
  const root = rootFolder();
  const args = ["-m", "sh", "-c", `${overlay(root)} && /usr/sbin/userdbpw -md5 < /dev/null`];
  const { code } = new Deno.Command("unshare", { args, ...QUIET }).outputSync();
  const isUsable = root !== "" && code < 2;
  const reason = isUsable ? "" : "courier cannot be shown to a process here";
  return { ignore: !isUsable, reason, suffix: isUsable ? "" : ` (${reason})` };
}

/** The ports of running servers; the user `ann` has the password `secret`. */
export interface CourierServers extends AsyncDisposable {
  readonly imap: number;
  readonly imaps: number;
  readonly pop3: number;
  readonly pop3s: number;
}

/** Starts the servers, with all files in a temporary folder. */
export async function startCourier(): Promise<CourierServers> {
  const root = rootFolder();
  const folder = await Deno.makeTempDir({ prefix: "portside-courier." });
  const { good } = await testCertificates();
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0] = freePorts(4);
  await Deno.writeTextFile(`${folder}/cert.pem`, good.cert + good.key);
  for (const name of ["", "/etc", "/home", "/home/ann"]) {
    await Deno.mkdir(folder + name, { recursive: true });
    await Deno.chmod(folder + name, 0o755);
  }
  // couriertls gives up its rights for those of this user.
  const users = { passwd: "courier:x:33:33::/:/bin/false", group: "courier:x:33:" };
  for (const [name, line] of Object.entries(users)) {
    const text = await Deno.readTextFile(`/etc/${name}`);
    await Deno.writeTextFile(`${folder}/etc/${name}`, `${text}${line}\n`);
  }
  const login = "/usr/lib/courier/courier";
  const [imapd, pop3d] = [
    `${login}/imaplogin /usr/bin/imapd Maildir`,
    `${login}/courierpop3login ${login}/courierpop3d Maildir`,
  ];
  const listen = "/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 " +
    "-nodnslookup -noidentlookup";
  const tls = "/usr/bin/couriertls -server -tcpd";
  const database = "/usr/sbin/userdb ann set";
  const script = `set -e
${overlay(root)}
cp -r ${root}/etc/courier ${folder}/etc/
mount -t overlay overlay -o lowerdir=${folder}/etc:/etc /etc
mount --bind ${folder}/etc/courier /etc/courier
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
mkdir -p /run/courier/authdaemon
cd ${folder}/home/ann
/usr/bin/maildirmake.courier Maildir
chown -R ${OWNER}:${OWNER} ${folder}/home ${folder}/cert.pem
touch /etc/courier/userdb
chmod 600 /etc/courier/userdb
${database} uid=${OWNER} gid=${OWNER} home=${folder}/home/ann mail=${folder}/home/ann/Maildir
echo secret | /usr/sbin/userdbpw -md5 | ${database} systempw
echo secret | /usr/sbin/userdbpw -hmac-md5 | ${database} hmac-md5pw
/usr/sbin/makeuserdb
set -a
for file in authdaemonrc imapd imapd-ssl pop3d pop3d-ssl; do . /etc/courier/$file; done
IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA AUTH=CRAM-MD5 AUTH=PLAIN IDLE"
IMAP_CAPABILITY_TLS=$IMAP_CAPABILITY
POP3AUTH="PLAIN LOGIN CRAM-MD5"
POP3AUTH_TLS=$POP3AUTH
TLS_CERTFILE=${folder}/cert.pem TLS_TRUSTCERTS= TLS_CACHEFILE= COURIERTLS=/usr/bin/couriertls
IMAP_STARTTLS=YES IMAP_TLS_REQUIRED=0 POP3_STARTTLS=YES POP3_TLS_REQUIRED=0
/usr/lib/courier/courier-authlib/authdaemond &
until test -S /run/courier/authdaemon/socket; do sleep 0.1; done
${listen} ${imap} ${imapd} &
IMAP_TLS=1 ${listen} ${imaps} ${tls} ${imapd} &
${listen} ${pop3} ${pop3d} &
POP3_TLS=1 ${listen} ${pop3s} ${tls} ${pop3d} &
wait
`;
  await Deno.writeTextFile(`${folder}/run`, script);
  // The first process of a process namespace takes all others with it.
  const child = new Deno.Command("unshare", {
    args: ["-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", `${folder}/run`],
    ...QUIET,
  }).spawn();
  for (const port of [imap, imaps, pop3, pop3s]) await untilOpen(port);
  return {
    imap,
    imaps,
    pop3,
    pop3s,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
