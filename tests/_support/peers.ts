/**
 * Which real peers this machine has. A test against one that is missing is reported as ignored,
 * with the reason in its name:
 *
 * ```ts ignore
 * const nc = needs("nc");
 * Deno.test({ name: `the chat talks to nc${nc.suffix}`, ignore: nc.ignore, fn: … });
 * ```
 *
 * Nothing here throws or asks: without the permissions to look, a program counts as missing.
 *
 * @module
 */

/** Whether a test can run, and why not. */
export interface Availability {
  /** For `Deno.test({ ignore })`. */
  readonly ignore: boolean;
  /** What is missing, as a sentence; empty when nothing is. */
  readonly reason: string;
  /** The reason in the form that goes behind a test's name: `" (nc is not installed)"` or `""`. */
  readonly suffix: string;
}

/** `deno task test:quick` takes all programs of others for missing. */
const QUICK = granted({ name: "env", variable: "TEST_QUICK" }) && Deno.env.has("TEST_QUICK");

/** Says whether all of the programs are there. */
export function needs(...programs: string[]): Availability {
  return availability(programs.map(whyMissing).filter((reason) => reason !== ""));
}

/** Adds that a server can be started by root alone: it changes to other users. */
export function needsRoot(server: string, found: Availability): Availability {
  return found.ignore || Deno.uid() === 0 ? found : availability([`${server} needs root here`]);
}

/** Says whether this user may make networks and mounts of a test's own, where nothing can leave them. */
export function needsNamespaces(setup = "ip link set lo up"): Availability {
  const found = needs("unshare", "sh", "ip", "mount");
  if (found.ignore) return found;
  const { success } = new Deno.Command("unshare", {
    args: ["-rnm", "sh", "-c", setup],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? found : availability(["no network namespaces for this user"]);
}

/** The path of the first of the programs that is installed. */
export function findProgram(...names: string[]): string | undefined {
  if (QUICK) return undefined;
  if (!granted({ name: "env", variable: "PATH" }) || !granted({ name: "read" })) return undefined;
  const windows = Deno.build.os === "windows";
  const folders = (Deno.env.get("PATH") ?? "").split(windows ? ";" : ":").filter(Boolean);
  for (const name of names) {
    for (const folder of folders) {
      const path = `${folder}/${name}${windows ? ".exe" : ""}`;
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

/**
 * The path of a Python 3 that can import all of the modules. Debian's own comes first: it sees the
 * packages that apt installs, which a Python from elsewhere on the PATH does not.
 */
export function pythonWith(...modules: string[]): string | undefined {
  const script = ["import sys", ...modules.map((module) => `import ${module}`)].join("\n");
  if (QUICK) return undefined;
  const candidates = ["/usr/bin/python3", findProgram("python3"), findProgram("python")];
  return candidates.find((path) =>
    path !== undefined && isExecutable(path) && output(path, "-c", script) !== undefined
  );
}

/** Says whether there is a Python 3 with all of the modules; `pythonWith` gives its path. */
export function needsPython(...modules: string[]): Availability {
  if (QUICK) return availability(["Python is left out of the quick tests"]);
  if (pythonWith(...modules) !== undefined) return availability([]);
  const wanted = modules.length === 0 ? "" : ` with ${modules.join(" and ")}`;
  return availability([`python3${wanted} is not installed`]);
}

/** Says whether this machine has ::1. */
export function needsIPv6(): Availability {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return availability([]);
  } catch {
    return availability(["this machine has no ::1"]);
  }
}

/**
 * A command in a network namespace of its own, with no way out: 198.18.0.0/16 drops what is sent,
 * to 203.0.113.0/24 nothing may be sent, and there is no route to anywhere else.
 */
export function isolated(program: string, ...args: string[]): [program: string, args: string[]] {
  const script = [
    "ip link set lo up",
    "ip link add v0 type veth peer name v1",
    "ip link set v0 arp off up",
    "ip link set v1 up",
    "ip addr add 198.18.0.1/16 dev v0",
    "ip route add prohibit 203.0.113.0/24",
    'exec "$0" "$@"',
  ].join(" && ");
  return ["unshare", ["--user", "--map-root-user", "--net", "sh", "-c", script, program, ...args]];
}

/** Says whether `isolated` works here. */
export function needsNamespace(): Availability {
  const found = needs("unshare", "ip", "true");
  const [program, args] = isolated("true");
  if (found.ignore || output(program, ...args) !== undefined) return found;
  return availability(["network namespaces are not permitted here"]);
}

function whyMissing(program: string): string {
  if (QUICK) return `${program} is left out of the quick tests`;
  const path = findProgram(program);
  if (path === undefined) return `${program} is not installed`;
  if (!granted({ name: "run", command: path })) return `running ${program} is not permitted`;
  // The name stands for several programs; only OpenBSD's can half-close (-N), which tests need.
  if (program === "nc" && !/\[-\w*N/.test(output(path, "-h") ?? "")) {
    return "nc is not OpenBSD's (netcat-openbsd)";
  }
  return "";
}

function availability(reasons: string[]): Availability {
  const reason = reasons.join(", ");
  return { ignore: reason !== "", reason, suffix: reason === "" ? "" : ` (${reason})` };
}

const outputs = new Map<string, string | undefined>();

/** What a successful command printed, undefined if it failed. Asked once per process. */
function output(path: string, ...args: string[]): string | undefined {
  const key = JSON.stringify([path, ...args]);
  if (!outputs.has(key)) outputs.set(key, runQuietly(path, args));
  return outputs.get(key);
}

function runQuietly(path: string, args: string[]): string | undefined {
  if (!granted({ name: "run", command: path })) return undefined;
  try {
    const { success, stdout, stderr } = new Deno.Command(path, { args, stdin: "null" })
      .outputSync();
    return success
      ? new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)
      : undefined;
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
