/** What the tests of servers on Unix sockets share. @module */

import { assert } from "@std/assert";
import { connectUnix } from "../../net/unix/client.ts";
import { rest } from "./raw_http.ts";

const windows = Deno.build.os === "windows";
export const CLOSE = "Connection: close\r\n";

/** A path in a folder of its own, which others may enter; gone afterwards. */
async function withPath(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o755);
    await run(`${folder}/app.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export function unixTest(name: string, run: (path: string) => Promise<void>, ignore = false): void {
  Deno.test({ name, ignore: windows || ignore, fn: () => withPath(run) });
}

export function get(target: string, lines = "Host: localhost\r\n"): string {
  return `GET ${target} HTTP/1.1\r\n${lines}\r\n`;
}

/** Sends bytes, and gives all that comes until the server ends. */
export async function exchange(path: string, text: string | Uint8Array): Promise<string> {
  await using conn = await connectUnix({ path, readTimeout: 5000, lingerTimeout: 0 });
  await conn.write(text);
  return await rest(conn);
}

/** The body of an answer. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

/** The file of a server that died without cleaning up. */
export async function leaveStale(path: string): Promise<void> {
  const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });
    console.log("up"); setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await reader.cancel();
  await child.status;
  assert((await Deno.lstat(path)).isSocket);
}
