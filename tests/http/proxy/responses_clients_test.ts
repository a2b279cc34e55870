/**
 * Odd responses, as real clients get them from the proxy: what it repairs, each client reads alike,
 * and the response behind it on the same connection is always the right one.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { findProgram, needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runPeer } from "../../_support/runnable.ts";
import { ResponseRows } from "./_response_rows.ts";
import { RESPONSES } from "./responses.ts";

const CONTROL = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontrol";
/** What a client got: the status, 0 if it failed, and the body. */
type Got = readonly [status: number, body: string];

/** The rows that a GET can bring, and what it has to bring: undefined for a page of the proxy. */
const ROWS: [name: string, text: string, expected: Got | undefined][] = RESPONSES
  // Nobody asks for another protocol here, and Python takes 103 for the last response.
  .filter(([name, , , , method]) => method === undefined && !name.startsWith("interim"))
  .map(([name, text, strict, tolerant = strict]) => [
    name,
    text,
    tolerant.startsWith("!")
      ? undefined
      : [Number.parseInt(tolerant), bodyOf(name, tolerant)] as const,
  ]);

/** Returns the body of what a decoder delivers; lines of trailers stand behind it. */
function bodyOf(name: string, delivered: string): string {
  const body = delivered.split("\n\n")[1]!;
  return name.startsWith("trailer") ? body.split("\n")[0]! : body;
}

/** Lets a client ask for each row and for the control behind it, and checks what it got. */
async function check(client: (proxy: string, urls: string[]) => Promise<Got[]>): Promise<void> {
  await using rows = new ResponseRows(ROWS.map(([, text]) => text), CONTROL);
  await using proxy = serveProxy({ allowPrivate: true });
  const urls = ROWS.flatMap((
    _,
    index,
  ) => [`http://${rows.host}/${index}`, `http://${rows.host}/control`]);
  const got = await client(proxy.url, urls);
  assertEquals(got.length, urls.length);
  for (const [index, [name, , expected]] of ROWS.entries()) {
    const [row, control] = [got[2 * index]!, got[2 * index + 1]!];
    // A page of the proxy, or a failure where half of the response had been sent on.
    if (expected === undefined) assert(row[0] === 502 || row[0] === 0, `${name}: ${row}`);
    else assertEquals([name, ...row], [name, ...expected]);
    assertEquals([name, ...control], [name, 200, "control"]);
  }
}

const node = needs("node");
Deno.test({
  name: `Node reads repaired responses as the proxy means them${node.suffix}`,
  ignore: node.ignore,
  fn: () =>
    check(async (proxy, urls) => {
      const script = new URL("./responses_node.mjs", import.meta.url).pathname;
      const args = ["--max-http-header-size=200000", script, new URL(proxy).port];
      const { stdout } = await runPeer(findProgram("node")!, args, JSON.stringify(urls), 60_000);
      return JSON.parse(stdout);
    }),
});

const PYTHON = `
import http.client, json, sys
http.client._MAXHEADERS = 10000
out, conn = [], http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
for url in json.load(sys.stdin):
    try:
        conn.request("GET", url)
        response = conn.getresponse()
        out.append([response.status, response.read().decode("latin-1")])
    except Exception as error:
        out.append([0, repr(error)])
        conn.close()
print(json.dumps(out))
`;
const python = needsPython();
Deno.test({
  name: `Python reads repaired responses as the proxy means them${python.suffix}`,
  ignore: python.ignore,
  fn: () =>
    check(async (proxy, urls) => {
      const args = ["-c", PYTHON, new URL(proxy).port];
      const { stdout } = await runPeer(pythonWith()!, args, JSON.stringify(urls), 60_000);
      return JSON.parse(stdout);
    }),
});

const curl = needs("curl");
Deno.test({
  name: `curl reads repaired responses as the proxy means them${curl.suffix}`,
  ignore: curl.ignore,
  fn: () =>
    check(async (proxy, urls) => {
      await using folder = await temporaryFolder();
      const lines = urls.map((url, i) => `url = "${url}"\noutput = "${folder.path}/${i}"\n`);
      const args = ["-s", "--max-time", "60", "--noproxy", "", "-x", proxy];
      const { stdout } = await runPeer(
        findProgram("curl")!,
        [...args, "-w", "%{http_code} %{exitcode}\\n", "-K", "-"],
        lines.join(""),
        90_000,
      );
      const told = stdout.trimEnd().split("\n").map((line) => line.split(" ").map(Number));
      return await Promise.all(told.map(async ([status, exit], i): Promise<Got> => {
        const bytes = await Deno.readFile(`${folder.path}/${i}`).catch(() => new Uint8Array());
        const body = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
        return exit === 0 ? [status!, body] : [0, `curl: ${exit}`];
      }));
    }),
});
