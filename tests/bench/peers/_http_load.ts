/** What the HTTP clients on Deno share: many requests in flight, each answer read whole. @module */

import process from "node:process";

/** What every client asks: GET, or POST with this body. */
export interface Question {
  readonly url: string;
  readonly hostname: string;
  readonly port: number;
  readonly method: "GET" | "POST";
  readonly users: number;
  /** The authority of the server's certificate in PEM; undefined without TLS. */
  readonly ca: string | undefined;
}

/** The value that a POST sends as JSON, and that the server gives back. */
export const VALUE = { message: "Hello, World!" };

/** Reads the arguments: port, users, milliseconds, method, and the file of an authority for TLS. */
export function question(): Question {
  const [port = "", users = "50", , method = "GET", ca = ""] = Deno.args;
  const scheme = ca === "" ? "http" : "https";
  return {
    url: `${scheme}://127.0.0.1:${port}/hello`,
    hostname: "127.0.0.1",
    port: Number(port),
    method: method === "POST" ? "POST" : "GET",
    users: Number(users),
    ca: ca === "" ? undefined : Deno.readTextFileSync(ca),
  };
}

/** Lets many users ask, tells how often they did. */
export async function measure({ users }: Question, ask: () => Promise<unknown>): Promise<void> {
  const ms = Number(Deno.args[2] ?? 1000);
  const run = async (until: number): Promise<number> => {
    let count = 0;
    await Promise.all(Array.from({ length: users }, async () => {
      while (performance.now() < until) {
        const { message } = await ask() as { message: string };
        if (message !== VALUE.message) throw new Error("a wrong answer");
        count++;
      }
    }));
    return count;
  };
  // The rate of a program that runs for long: V8 compiles the client in steps of seconds.
  await run(performance.now() + 3000);
  const before = process.cpuUsage();
  const began = performance.now();
  const count = await run(began + ms);
  const ns = Math.round((performance.now() - began) * 1e6);
  const { user, system } = process.cpuUsage(before);
  console.log(`end ${JSON.stringify({ count, ns, cpu: (user + system) * 1000 })}`);
  Deno.exit(0);
}
