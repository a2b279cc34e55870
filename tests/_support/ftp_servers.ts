/** ProFTPD, Pure-FTPd and GNU ftpd on loopback. Their packages conflict, so `.ci/run` unpacks them. @module */

import { delay } from "@std/async/delay";
import { testCertificates } from "./certificates.ts";
import { type Availability, findProgram, needs, needsNamespaces, needsRoot } from "./peers.ts";
import { freePorts } from "./ports.ts";
import type { FtpPeer } from "./ftp.ts";

/** Says whether a server can run here. */
export function needsFtpServer(program: "proftpd" | "pure-ftpd" | "ftpd"): Availability {
  const found = needsRoot(program, needs(program, "openssl", "python3"));
  if (found.ignore || program !== "ftpd") return found;
  return needsNamespaces("mount -t tmpfs x /srv");
}

/** A folder with `files`, which belongs to the user `ftp`, and with a certificate. */
async function prepare(): Promise<{ folder: string; files: string; pem: string }> {
  const folder = await Deno.makeTempDir({ prefix: "portside-ftp." });
  const { good } = await testCertificates();
  const pem = `${folder}/server.pem`;
  await Deno.writeTextFile(pem, good.cert + good.key);
  await Deno.chmod(folder, 0o755);
  const files = `${folder}/files`;
  await Deno.mkdir(`${files}/up`, { recursive: true });
  const { uid, gid } = await userFtp();
  for (const path of [files, `${files}/up`]) await Deno.chown(path, uid, gid);
  return { folder, files, pem };
}

/** Returns the numbers of the user `ftp`. */
async function userFtp(): Promise<{ uid: number; gid: number }> {
  const passwd = await Deno.readTextFile("/etc/passwd");
  const [, uid = "65534", gid = "65534"] = /^ftp:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** Starts a server, and waits until it greets. */
async function start(
  program: string,
  args: readonly string[],
  { folder, files, port }: { folder: string; files: string; port: number },
): Promise<FtpPeer> {
  // An unpacked package has its libraries beside it.
  const root = (findProgram("proftpd") ?? "/usr/sbin/proftpd").replace(/\/usr\/.*$/, "");
  const child = new Deno.Command(program, {
    args: [...args],
    env: { LD_LIBRARY_PATH: `${root}/usr/lib/x86_64-linux-gnu` },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch { /* It has ended already. */ }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  const end = performance.now() + 15_000;
  for (let ready = false; !ready;) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      ready = (await conn.read(new Uint8Array(100)) ?? 0) > 0;
    } catch (error) {
      if (performance.now() > end) {
        await stop();
        throw error;
      }
      await delay(20);
    }
  }
  return { port, folder: files, [Symbol.asyncDispose]: stop };
}

async function encrypted(password: string): Promise<string> {
  const { stdout } = await new Deno.Command("openssl", { args: ["passwd", "-6", password] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

/** Starts ProFTPD. `reuse`: data connections must resume the TLS session, as it is by default. */
export async function startProftpd(
  { tls, reuse = false }: { tls: boolean; reuse?: boolean },
): Promise<FtpPeer> {
  const made = await prepare();
  const { folder, files, pem } = made;
  const [port = 0] = freePorts(1);
  const { uid, gid } = await userFtp();
  const users = `${folder}/users`;
  await Deno.writeTextFile(
    users,
    `ann:${await encrypted("secret")}:${uid}:${gid}::${files}:/bin/sh\n`,
  );
  await Deno.chmod(users, 0o600);
  const program = findProgram("proftpd")!;
  const modules = program.replace(/\/sbin\/proftpd$/, "/lib/proftpd");
  const lines = [
    ...["ServerType standalone", "DefaultAddress 127.0.0.1", "SocketBindTight on"],
    ...["UseIPv6 off", "UseReverseDNS off", "User ftp", "Group nogroup", "DelayEngine off"],
    ...["WtmpLog off", "TransferLog none", "AuthOrder mod_auth_file.c", "RequireValidShell off"],
    ...["DefaultRoot ~", "AllowOverwrite on", "AllowStoreRestart on", "ListOptions -a"],
    `Port ${port}`,
    `PidFile ${folder}/pid`,
    `ScoreboardFile ${folder}/scoreboard`,
    `SystemLog ${folder}/log`,
    `ModulePath ${modules}`,
    "LoadModule mod_tls.c",
    "LoadModule mod_digest.c",
    `AuthUserFile ${users}`,
    `TLSEngine ${tls ? "on" : "off"}`,
    `TLSRequired ${tls ? "on" : "off"}`,
    `TLSECCertificateFile ${pem}`,
    `TLSECCertificateKeyFile ${pem}`,
    ...reuse ? [] : ["TLSOptions NoSessionReuseRequired"],
  ];
  await Deno.writeTextFile(`${folder}/conf`, `${lines.join("\n")}\n`);
  return await start(program, ["-n", "-q", "-c", `${folder}/conf`], { folder, files, port });
}

/** Starts Pure-FTPd. */
export async function startPureFtpd(tls: boolean): Promise<FtpPeer> {
  const { folder, files, pem } = await prepare();
  const [port = 0] = freePorts(1);
  const { uid, gid } = await userFtp();
  const passwd = `${folder}/passwd`;
  const entry = [
    "ann",
    await encrypted("secret"),
    uid,
    gid,
    "",
    `${files}/./`,
    ...Array(12).fill(""),
  ];
  await Deno.writeTextFile(passwd, `${entry.join(":")}\n`);
  const program = findProgram("pure-ftpd")!;
  const maker = program.replace(/sbin\/pure-ftpd$/, "bin/pure-pw");
  await new Deno.Command(maker, { args: ["mkdb", `${folder}/db`, "-f", passwd] }).output();
  const args = [
    ...["-S", `127.0.0.1,${port}`, "-l", `puredb:${folder}/db`, "-E", "-H", "-u", "1", "-z"],
    ...["-g", `${folder}/pid`, "-2", pem, "-Y", tls ? "3" : "0"],
  ];
  return await start(program, args, { folder, files, port });
}

/** Runs a program for each connection, with the connection as its input and output, as inetd does. */
const INETD = `
import socket, subprocess, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(50)
children = []
while True:
    conn, _ = listener.accept()
    children = [child for child in children if child.poll() is None]
    children.append(subprocess.Popen(sys.argv[2:], stdin=conn, stdout=conn, stderr=subprocess.DEVNULL))
    conn.close()
`;

/** Starts GNU ftpd for anonymous users, whose folder is always /srv/ftp: it is a mount of its own. */
export async function startGnuFtpd(): Promise<FtpPeer> {
  const { folder, files } = await prepare();
  const [port = 0] = freePorts(1);
  const script = 'mount -t tmpfs x /srv && mkdir /srv/ftp && mount --bind "$1" /srv/ftp && ' +
    'shift && exec python3 -c "$@"';
  const args = [
    "-m",
    "sh",
    "-c",
    script,
    "sh",
    files,
    INETD,
    `${port}`,
    findProgram("ftpd")!,
    "-A",
  ];
  return await start("unshare", args, { folder, files, port });
}
