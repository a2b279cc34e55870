/** Real FTP servers on loopback. @module */

import { delay } from "@std/async/delay";
import type { DevelopmentCertificate } from "../../net/tls/certificate.ts";
import { testCertificates } from "./certificates.ts";
import { pythonWith } from "./peers.ts";
import { freePorts } from "./ports.ts";
import { startPeer } from "./runnable.ts";

/** A running server. */
export interface FtpPeer extends AsyncDisposable {
  readonly port: number;
  /** What its users see. */
  readonly folder: string;
}

async function prepare(
  certificate?: DevelopmentCertificate,
): Promise<{ folder: string; pem: string }> {
  const folder = await Deno.makeTempDir({ prefix: "portside-ftp." });
  const { key, cert } = certificate ?? (await testCertificates()).good;
  const pem = `${folder}/server.pem`;
  await Deno.writeTextFile(pem, cert + key);
  await Deno.mkdir(`${folder}/files`);
  await Deno.chmod(folder, 0o755);
  return { folder, pem };
}

/** pyftpdlib, the user `ann` with the password `secret`; "none", "starttls" or "implicit" TLS. */
export async function startPyftpdlib(tls: "none" | "starttls" | "implicit"): Promise<FtpPeer> {
  const { folder, pem } = await prepare();
  const script = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer
mode, folder, pem = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user("ann", "secret", folder, perm="elradfmwMT")
handler = FTPHandler if mode == "none" else TLS_FTPHandler
handler.authorizer = authorizer
handler.auth_failed_timeout = 0
if mode != "none":
    handler.certfile = pem
    handler.tls_control_required = True
    handler.tls_data_required = True
if mode == "implicit":
    class Implicit(TLS_FTPHandler):
        def handle(self):
            self.secure_connection(self.get_ssl_context())
        def handle_ssl_established(self):
            TLS_FTPHandler.handle(self)
    handler = Implicit
server = FTPServer(("127.0.0.1", 0), handler)
print("listening on ftp://127.0.0.1:%d" % server.socket.getsockname()[1], flush=True)
server.serve_forever()
`;
  const args = ["-W", "ignore", "-uc", script, tls, `${folder}/files`, pem];
  const peer = await startPeer(pythonWith("pyftpdlib", "OpenSSL")!, args);
  return {
    port: peer.port,
    folder: `${folder}/files`,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/**
 * vsftpd for anonymous users, who may write into `up/`; it takes root. `reuse`: TLS of a data
 * connection has to resume the session of the control connection. `plain`: without TLS. `certificate`:
 * instead of the good one of the tests.
 */
export async function startVsftpd(
  { implicit = false, reuse = false, plain = false, certificate }: {
    certificate?: DevelopmentCertificate;
    implicit?: boolean;
    reuse?: boolean;
    plain?: boolean;
  } = {},
): Promise<FtpPeer> {
  const { folder, pem } = await prepare(certificate);
  const [port = 0] = freePorts(1);
  const files = `${folder}/files`;
  await Deno.mkdir(`${files}/up`);
  const { uid, gid } = await userOf("ftp");
  await Deno.chown(`${files}/up`, uid, gid);
  await Deno.mkdir("/var/run/vsftpd/empty", { recursive: true });
  const config = `${folder}/vsftpd.conf`;
  const yes = [
    ...["listen", "anonymous_enable", "write_enable", "anon_upload_enable", "no_anon_password"],
    ...["anon_mkdir_write_enable", "anon_other_write_enable"],
    ...plain
      ? []
      : ["ssl_enable", "allow_anon_ssl", "force_anon_data_ssl", "force_anon_logins_ssl"],
  ];
  const lines = [
    ...yes.map((name) => `${name}=YES`),
    ...["background", "local_enable", "seccomp_sandbox", "xferlog_enable"]
      .map((name) => `${name}=NO`),
    `implicit_ssl=${implicit ? "YES" : "NO"}`,
    `require_ssl_reuse=${reuse ? "YES" : "NO"}`,
    "listen_address=127.0.0.1",
    `listen_port=${port}`,
    `anon_root=${files}`,
    "ls_recurse_enable=NO",
    "anon_umask=022",
    "secure_chroot_dir=/var/run/vsftpd/empty",
    `rsa_cert_file=${pem}`,
    `rsa_private_key_file=${pem}`,
  ];
  await Deno.writeTextFile(config, `${lines.join("\n")}\n`);
  const child = new Deno.Command("vsftpd", {
    args: [config],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const end = performance.now() + 10_000;
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(20);
    }
  }
  return {
    port,
    folder: files,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const [, uid = "0", gid = "0"] =
    new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, "m").exec(await Deno.readTextFile("/etc/passwd")) ??
      [];
  return { uid: Number(uid), gid: Number(gid) };
}
