/** The drivers of curl, lftp, ftplib and basic-ftp for the journey. @module */

import { type PeerSettings, refusal, type StartPeer, Unable, type Verb } from "./_ftp_peers.ts";

const PEERS = new URL("./peers/", import.meta.url).pathname;

/** A client in a process of its own that reads verbs as lines of JSON. */
function byLines(program: string, args: readonly string[], last: readonly string[]): StartPeer {
  return (settings) => {
    const child = new Deno.Command(program, {
      args: [...args, JSON.stringify(settings), ...last],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let unread = "";
    const nextLine = async () => {
      while (!unread.includes("\n")) {
        const { value } = await reader.read();
        if (value === undefined) throw new Error("The client has ended");
        unread += value;
      }
      const at = unread.indexOf("\n");
      const line = unread.slice(0, at);
      unread = unread.slice(at + 1);
      return line;
    };
    let isOver = false;
    const ask: Verb = async (name, args) => {
      if (isOver) throw refusal("The session is closed");
      isOver = name === "close";
      await writer.write(new TextEncoder().encode(`${JSON.stringify([name, args])}\n`));
      const answer = JSON.parse(await nextLine()) as {
        value?: unknown;
        error?: string;
        unable?: string;
      };
      if (name === "close") {
        await writer.close();
        await reader.cancel();
        await child.status;
      }
      if (answer.unable !== undefined) throw new Unable(answer.unable);
      if (answer.error !== undefined) throw refusal(answer.error);
      return answer.value;
    };
    return Promise.resolve(ask);
  };
}

/** Runs a program once. Returns its output, or throws the refusal that it reports. */
async function once(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { HOME: "/nonexistent", LC_ALL: "C.UTF-8" },
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw refusal(new TextDecoder().decode(stderr).trim());
}

const linesOf = (text: string) => text.split(/\r?\n/).filter((line) => line !== "");

type Verbs = Record<string, (...args: string[]) => Promise<unknown>>;

function byVerbs(verbs: (settings: PeerSettings) => Verbs): StartPeer {
  return (settings) => {
    const all = verbs(settings);
    return Promise.resolve((name, args) => {
      const verb = all[name];
      if (verb === undefined) return Promise.reject(new Unable(name));
      return verb(...args.map((arg) => typeof arg === "object" ? JSON.stringify(arg) : `${arg}`));
    });
  };
}

/** One process of curl for each verb. */
function curlVerbs({ port, user, password, ca, active, encoding }: PeerSettings): Verbs {
  if (encoding !== "utf-8") return {};
  const tls = ca === "" ? [] : ["--ssl-reqd", "--cacert", ca];
  const base = ["-sS", "-m", "15", ...tls, ...active ? ["-P", "127.0.0.1"] : []];
  const url = (path: string) =>
    `ftp://127.0.0.1:${port}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const run = (...args: string[]) => once("curl", [...base, "-u", `${user}:${password}`, ...args]);
  const quote = (...lines: string[]) =>
    run(...lines.flatMap((line) => ["-Q", line]), "-l", "-o", "/dev/null", url(""));
  const folder = (path: string) => url(path === "" ? "" : `${path}/`);
  return {
    list: async (path) =>
      linesOf(await run("-l", folder(path!))).map((name) => ({ name: name.replace(/^.*\//, "") })),
    raw: async (path) => linesOf(await run(folder(path!))),
    mkdir: (path) => quote(`MKD ${path}`),
    rmdir: (path) => quote(`RMD ${path}`),
    delete: (path) => quote(`DELE ${path}`),
    rename: (from, to) => quote(`RNFR ${from}`, `RNTO ${to}`),
    command: (line) => quote(line!),
    put: async (local, path, append, offset) => {
      if (offset !== "0") throw new Unable("An offset");
      await run(...append === "true" ? ["-a"] : [], "-T", local!, url(path!));
    },
    get: (path, local, offset) => run("-C", offset!, "-o", local!, "--create-dirs", url(path!)),
    size: async (path) => Number(/^Content-Length: (\d+)/mi.exec(await run("-I", url(path!)))?.[1]),
    modified: async (path) => /^Last-Modified: (.*)$/mi.exec(await run("-I", url(path!)))?.[1],
    close: () => Promise.resolve(),
  };
}

/** One process of lftp for each verb. */
function lftpVerbs({ port, user, password, ca, active, encoding }: PeerSettings): Verbs {
  const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  const settings = [
    ...[
      "net:max-retries 2",
      "net:timeout 10",
      "net:reconnect-interval-base 1",
      "cmd:fail-exit yes",
    ],
    ...["xfer:clobber yes", `ftp:passive-mode ${active ? "no" : "yes"}`, "cache:enable no"],
    ...ca === "" ? ["ftp:ssl-allow no"] : ["ftp:ssl-force yes", "ftp:ssl-protect-data yes"],
    ...ca === "" ? [] : [`ssl:ca-file ${quoted(ca)}`],
    `ftp:charset ${encoding}`,
    "file:charset utf-8",
    "ftp:list-empty-ok yes",
    "ftp:list-options -a",
  ].map((line) => `set ${line}`);
  const run = (...commands: string[]) =>
    once("lftp", [
      "--norc",
      "-c",
      [...settings, `open -u ${user},${quoted(password)} ftp://127.0.0.1:${port}`, ...commands]
        .join("; "),
    ]);
  const tree = (options: string) => {
    const { bySize, dryRun, delete: deletes, connections } = JSON.parse(options);
    return [
      ...bySize ? ["--ignore-time"] : [],
      ...dryRun ? ["--dry-run"] : [],
      ...deletes ? ["--delete"] : [],
      ...connections === undefined ? [] : [`--parallel=${connections}`],
    ].map((flag) => ` ${flag}`).join("");
  };
  return {
    list: async (path) =>
      linesOf(await run(...path === "" ? [] : [`cd ${quoted(path!)}`], "cls -1a"))
        .map((name) => ({ name: name.replace(/^\.\//, "").replace(/[/@]$/, "") }))
        .filter(({ name }) => name !== ""),
    raw: async (path) => linesOf(await run(`ls ${path === "" ? "" : quoted(path!)}`)),
    mkdir: (path) => run(`mkdir ${quoted(path!)}`),
    makeAll: (path) => run(`mkdir -p -f ${quoted(path!)}`),
    rmdir: (path) => run(`rmdir ${quoted(path!)}`),
    removeAll: (path) => run(`rm -r ${quoted(path!)}`),
    delete: (path) => run(`rm ${quoted(path!)}`),
    rename: (from, to) => run(`mv ${quoted(from!)} ${quoted(to!)}`),
    command: async (line) => {
      const text = await run(`quote ${line}`);
      if (/^[45]\d\d/.test(text)) throw refusal(text);
      return text;
    },
    put: async (local, path, append, offset) => {
      if (offset !== "0" || append === "true") throw new Unable("An offset");
      await run(`put ${quoted(local!)} -o ${quoted(path!)}`);
    },
    get: async (path, local, offset) => {
      if (offset !== "0") throw new Unable("An offset");
      await run(`get ${quoted(path!)} -o ${quoted(local!)}`);
    },
    size: async (path) =>
      Number(/^\s*(\d+)/.exec(await run(`cls -1s --block-size=1 ${quoted(path!)}`))?.[1]),
    putTree: async (folder, path, options) =>
      void await run(`mirror -R${tree(options!)} ${quoted(folder!)} ${quoted(path!)}`),
    getTree: async (path, folder, options) =>
      void await run(`mirror${tree(options!)} ${quoted(path!)} ${quoted(folder!)}`),
    close: () => Promise.resolve(),
  };
}

/** The other clients by their names. */
export const DRIVERS: Readonly<Record<string, StartPeer>> = {
  lftp: byVerbs(lftpVerbs),
  curl: byVerbs(curlVerbs),
  "basic-ftp": byLines("node", [`${PEERS}journey_basic_ftp.mjs`], [
    import.meta.resolve("basic-ftp"),
  ]),
  ftplib: byLines("/usr/bin/python3", [`${PEERS}journey_ftplib.py`], []),
};
