/**
 * Debian's servers and proxies as peers of tests: nginx, HAProxy, Squid, tinyproxy and SOCKS. Each
 * one runs on free ports of 127.0.0.1, in the foreground, with a configuration of the test in a
 * temporary folder, as the user `nobody` where the tests run as root. It is ended by its process
 * id.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { type Availability, findProgram, needs } from "./peers.ts";
import { freePorts } from "./ports.ts";
import { within } from "./runnable.ts";

/** The user and group `nobody` and `nogroup` of Debian. */
const NOBODY = 65534;
/** How long a server may take until it listens, and until it has ended, in milliseconds. */
const PATIENCE = 20_000;

/** A running server of another project. */
export interface HttpPeer extends AsyncDisposable {
  /** The first port that it listens on. */
  readonly port: number;
  /** All ports that it listens on. */
  readonly ports: readonly number[];
  /** Its temporary folder. */
  readonly folder: string;
  /** Its process id. */
  readonly pid: number;
  /** Sends it a signal. */
  signal(name: Deno.Signal): void;
  /** Returns what it has written on standard error and in the files of its folder named `*.log`. */
  logs(): Promise<string>;
}

/** How a server is started. */
export interface Program {
  /** The name of the program. */
  readonly program: string;
  /** How many ports it needs. */
  readonly ports?: number;
  /** The address that it listens on. @default "127.0.0.1" */
  readonly hostname?: string;
  /** Returns the files of its folder: name to text. */
  readonly files: (folder: string, ports: readonly number[]) => Record<string, string>;
  /** Returns its arguments. */
  readonly args: (folder: string) => string[];
  /** The signal that ends it at once. @default "SIGTERM" */
  readonly stop?: Deno.Signal;
  /** Removes what it leaves outside of its folder. @default nothing */
  readonly clean?: (folder: string) => Promise<void>;
}

/** Starts nginx with the given lines inside `http { … }`; `{port}`, `{port1}` … are its ports. */
export function startNginx(http: string, ports = 1): Promise<HttpPeer> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return start({
    program: "nginx",
    ports,
    files: (folder, ports) => ({
      "nginx.conf": `daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 1;
events { worker_connections 512; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  access_log ${folder}/access.log;
  ${fill(http, folder, ports)}
}
`,
    }),
    args: (folder) => ["-e", "stderr", "-c", `${folder}/nginx.conf`],
  });
}

/** Starts HAProxy with sections behind `defaults`; `{port}`, `{port1}` … are its ports. */
export function startHaproxy(sections: string, ports = 1): Promise<HttpPeer> {
  return start({
    program: "haproxy",
    ports,
    files: (folder, ports) => ({
      "haproxy.cfg": `global
  maxconn 500
  log stderr format raw local0 notice
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout check 2s
  retries 2
${fill(sections, folder, ports)}
`,
    }),
    args: (folder) => ["-db", "-f", `${folder}/haproxy.cfg`],
  });
}

/**
 * Starts Squid as a forward proxy for everything on loopback.
 *
 * @param lines More lines of its configuration, before those that are always there.
 * @param times Its limits for idle connections and half-closed ones, in seconds.
 */
export function startSquid(
  lines = "cache deny all",
  { idle = 60 }: { idle?: number } = {},
): Promise<HttpPeer> {
  return start({
    program: "squid",
    files: (folder, [port]) => ({
      "squid.conf": `${fill(lines, folder, [port!])}
http_port 127.0.0.1:${port}
http_access allow all
visible_hostname squid.test
pid_filename ${folder}/pid
cache_log ${folder}/cache.log
access_log stdio:${folder}/access.log
logfile_rotate 0
coredump_dir ${folder}
netdb_filename none
pinger_enable off
dns_nameservers 127.0.0.1
max_filedescriptors 1024
cache_mem 8 MB
shutdown_lifetime 0 seconds
client_idle_pconn_timeout ${idle} seconds
server_idle_pconn_timeout ${idle} seconds
`,
    }),
    // The name of the service is that of its shared memory, so that two can run at once.
    args: (folder) => ["-N", "-n", nameOf(folder), "-f", `${folder}/squid.conf`],
    // It is one process, and takes two seconds to end by SIGTERM.
    stop: "SIGKILL",
    async clean(folder) {
      for await (const { name } of Deno.readDir("/dev/shm")) {
        if (name.startsWith(`${nameOf(folder)}-`)) await Deno.remove(`/dev/shm/${name}`);
      }
    },
  });
}

/**
 * Starts tinyproxy as a forward proxy for everything on loopback.
 *
 * @param idle How long a connection may be silent, in seconds.
 */
export function startTinyproxy(idle = 60): Promise<HttpPeer> {
  return start({
    program: "tinyproxy",
    files: (_folder, [port]) => ({
      "tinyproxy.conf":
        `Port ${port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout ${idle}\nMaxClients 100\nLogLevel Critical\n`,
    }),
    args: (folder) => ["-d", "-c", `${folder}/tinyproxy.conf`],
  });
}

/** Where Debian's `libnginx-mod-stream` puts its module. */
const STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Says whether nginx can pass on bare TCP connections. */
export function needsNginxStream(): Availability {
  const found = needs("nginx");
  try {
    Deno.statSync(STREAM);
    return found;
  } catch {
    const reason = "libnginx-mod-stream is not installed";
    return { ignore: true, reason, suffix: ` (${reason})` };
  }
}

/** Starts nginx with the given lines inside `stream { … }`; `{port}`, `{port1}` … are its ports. */
export function startNginxStream(stream: string, ports = 1): Promise<HttpPeer> {
  return start({
    program: "nginx",
    ports,
    files: (folder, ports) => ({
      "nginx.conf": `load_module ${STREAM};
daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 1;
events { worker_connections 512; }
stream {
  ${fill(stream, folder, ports)}
}
`,
    }),
    args: (folder) => ["-e", "stderr", "-c", `${folder}/nginx.conf`],
  });
}

/** Starts microsocks, a SOCKS 5 server, with a login if one is given. */
export function startMicrosocks(login?: { user: string; password: string }): Promise<HttpPeer> {
  const flags = login === undefined ? [] : ["-u", login.user, "-P", login.password];
  return start({
    program: "microsocks",
    files: (_folder, [port]) => ({ port: String(port) }),
    args: (folder) => {
      const port = Deno.readTextFileSync(`${folder}/port`);
      return ["-i", "127.0.0.1", "-p", port, ...flags];
    },
  });
}

/** Starts Dante's SOCKS server without logins. It reaches 127.0.0.0/8, but for 127.0.0.9. */
export function startDante(): Promise<HttpPeer> {
  return start({
    program: "danted",
    files: (folder, [port]) => ({
      "danted.conf": `logoutput: ${folder}/danted.log
internal: 127.0.0.1 port = ${port}
external: lo
socksmethod: none
clientmethod: none
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 127.0.0.9/32 command: connect }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 command: connect }
`,
    }),
    args: (folder) => ["-f", `${folder}/danted.conf`, "-p", `${folder}/pid`],
  });
}

function fill(text: string, folder: string, ports: readonly number[]): string {
  return text.replaceAll("{folder}", folder).replaceAll(
    /\{port(\d*)\}/g,
    (_, index) => String(ports[Number(index)]),
  );
}

/** Returns the unique part of a folder's name: letters and digits. */
function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf(".") + 1);
}

/**
 * Starts a server, on these ports or on free ones. Another process may take a port in between, so there is a
 * second attempt.
 */
export async function start(program: Program, ports?: readonly number[]): Promise<HttpPeer> {
  for (let left = 2;; left--) {
    const server = await Server.start(program, ports ?? freePorts(program.ports ?? 1));
    if (await server.listens()) return server;
    const logs = await server.logs();
    await server[Symbol.asyncDispose]();
    if (left === 0) throw new Error(`Cannot start ${program.program}:\n${logs}`);
  }
}

class Server implements HttpPeer {
  #ended = false;
  #stderr = "";
  readonly #done: Promise<unknown>;

  private constructor(
    readonly child: Deno.ChildProcess,
    readonly folder: string,
    readonly ports: readonly number[],
    readonly program: Program,
  ) {
    this.#done = Promise.all([this.#pump(), child.status.then(() => this.#ended = true)]);
  }

  static async start(
    program: Program,
    ports: readonly number[],
  ): Promise<Server> {
    const folder = await Deno.makeTempDir({ prefix: `portside-${program.program}.` });
    for (const [name, text] of Object.entries(program.files(folder, ports))) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await Deno.chmod(folder, 0o755);
    const user = Deno.uid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    if ("uid" in user) await Deno.chown(folder, NOBODY, NOBODY);
    const child = new Deno.Command(findProgram(program.program)!, {
      args: program.args(folder),
      cwd: folder,
      ...user,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new Server(child, folder, ports, program);
  }

  get port(): number {
    return this.ports[0]!;
  }

  get pid(): number {
    return this.child.pid;
  }

  signal(name: Deno.Signal): void {
    this.child.kill(name);
  }

  /** Waits until every port answers; false if the server has ended. */
  async listens(): Promise<boolean> {
    const end = performance.now() + PATIENCE;
    for (const port of this.ports) {
      while (!(await isOpen(port, this.program.hostname))) {
        if (this.#ended || performance.now() > end) return false;
        await delay(20);
      }
    }
    return !this.#ended;
  }

  async logs(): Promise<string> {
    let text = this.#stderr;
    for await (const { name } of Deno.readDir(this.folder)) {
      if (name.endsWith(".log")) text += await Deno.readTextFile(`${this.folder}/${name}`);
    }
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      this.child.kill(this.program.stop ?? "SIGTERM");
      try {
        await within(PATIENCE, `the end of process ${this.pid}\n${this.#stderr}`, this.#done);
      } catch (error) {
        this.child.kill("SIGKILL");
        await this.#done;
        throw error;
      }
    }
    await this.#done;
    await this.program.clean?.(this.folder);
    await Deno.remove(this.folder, { recursive: true });
  }

  async #pump(): Promise<void> {
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
    }
  }
}

async function isOpen(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}
