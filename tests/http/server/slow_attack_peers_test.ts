/** Both transports under slowhttptest: slow heads, slow bodies, slow readers, many ranges. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import {
  type HttpHandler,
  type HttpServer,
  serveHttp,
  type ServeHttpOptions,
} from "../../../http/server/server.ts";
import { staticFiles } from "../../../http/handlers/static_files.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { Runnable } from "../../_support/runnable.ts";
import { until } from "../../_support/until.ts";

/** Connections of an attack: more than the hardened server has places. */
const ATTACKERS = 40;
const PLACES = 16;
/** The time limits of a connection, in milliseconds. */
const LIMIT = 500;
/** Chunks of a response that no send buffer holds. */
const CHUNK = new Uint8Array(64 * 1024);
const CHUNKS = 256;

const HARDENED: ServeHttpOptions = {
  hardened: true,
  bodyTimeout: LIMIT,
  headTimeout: LIMIT,
  writeTimeout: LIMIT,
  maxConnections: PLACES,
};
const DENO: ServeHttpOptions = { hardened: false, bodyTimeout: LIMIT };

/** Attacks, with the flags of slowhttptest and the path. */
const ATTACKS = {
  heads: ["-H", "-x", "8"],
  bodies: ["-B", "-x", "8", "-s", "8192"],
  readers: ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"],
  ranges: ["-R", "-a", "1", "-b", "200", "-t", "HEAD"],
} as const;

/** A running attack, and its effect on the server. */
class Attack implements AsyncDisposable {
  /** Statuses of the responses, in the order in which they were returned. */
  readonly statuses: number[] = [];
  /** Responses that were returned, and those of them that were sent or can no longer be. */
  returned = 0;
  settled = 0;
  ended = false;
  readonly server: HttpServer;
  #slow: Runnable | undefined;
  readonly #report: string;

  constructor(options: ServeHttpOptions, root: string) {
    this.#report = `${root}/report`;
    const files = staticFiles({ root });
    const answer: HttpHandler = async (request, info) => {
      if (request.method === "POST") return new Response(`${(await request.bytes()).length}`);
      return request.url.endsWith("/large") ? new Response(large()) : await files(request, info);
    };
    this.server = serveHttp({ port: 0, ...options }, async (request, info) => {
      const settle = () => void this.settled++;
      info.completed.then(settle, settle);
      this.returned++;
      const response = await answer(request, info);
      this.statuses.push(response.status);
      return response;
    });
  }

  /** Starts slowhttptest; it ends by itself after so many seconds, or without connections. */
  start(flags: readonly string[], seconds: number, path = "/file.txt"): void {
    const args = ["-c", `${ATTACKERS}`, "-r", "200", "-i", "1", "-p", "30", "-l", `${seconds}`];
    const report = ["-g", "-o", this.#report];
    const child = new Deno.Command(findProgram("slowhttptest")!, {
      args: [...flags, ...args, ...report, "-u", this.server.url + path],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#slow = new Runnable(child);
  }

  /** Asks as a client that is not slow. */
  async ask(): Promise<void> {
    const response = await fetch(`${this.server.url}/file.txt`);
    assertEquals([response.status, await response.text()], [200, "hello"]);
  }

  /** Sends requests until slowhttptest has ended. Returns its output. */
  async askUntilEnd(): Promise<string> {
    const code = this.#slow!.exitCode(60_000).finally(() => this.ended = true);
    do {
      await this.ask();
      await delay(50);
    } while (!this.ended);
    const { stdout, stderr } = this.#slow!;
    assertEquals(await code, 0, stdout + stderr);
    return stdout;
  }

  /** Ends slowhttptest, as Ctrl+C does. */
  stop(): void {
    this.#slow!.signal("SIGINT");
  }

  /** Checks that the probes of slowhttptest were answered, and that the server holds nothing. */
  async finish(): Promise<void> {
    const rows = (await Deno.readTextFile(`${this.#report}.csv`)).trim().split("\n");
    const available = rows[0]!.split(",").indexOf("Service Available");
    assert(available !== -1 && rows.length > 1, rows.join("\n"));
    for (const row of rows.slice(1)) assert(Number(row.split(",")[available]) > 0, rows.join("\n"));
    await this.ask();
    await until(() => this.server.stats().active === 0);
    assertEquals(this.server.stats().failed, 0);
    assertEquals((await this.server.shutdown()).forced, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#slow?.[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

function large(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = CHUNKS;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(CHUNK);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

const { ignore, suffix } = needs("slowhttptest");

function attackTest(name: string, options: ServeHttpOptions, run: (on: Attack) => Promise<void>) {
  Deno.test({
    name: `serveHttp() ${name}${suffix}`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      await Deno.writeTextFile(`${folder.path}/file.txt`, "hello");
      await using attack = new Attack(options, folder.path);
      await run(attack);
      await attack.finish();
    },
  });
}

for (const what of ["heads", "bodies"] as const) {
  attackTest(`hardened ends slow ${what} of slowhttptest`, HARDENED, async (attack) => {
    attack.start(ATTACKS[what], 60);
    assertStringIncludes(await attack.askUntilEnd(), "No open connections left");
  });
}

attackTest("hardened ends slow readers of slowhttptest", HARDENED, async (attack) => {
  attack.start(ATTACKS.readers, 60, "/large");
  await until(() => attack.returned >= ATTACKERS);
  await attack.ask();
  // The client reads a few bytes a second, so it learns of its end much later.
  await until(() => attack.settled === attack.returned);
  attack.stop();
  await attack.askUntilEnd();
});

attackTest(
  "on Deno.serve answers others while slowhttptest holds heads, which nothing limits",
  DENO,
  async (attack) => {
    attack.start(ATTACKS.heads, 3);
    assertStringIncludes(await attack.askUntilEnd(), "Hit test time limit");
  },
);

attackTest(
  "on Deno.serve ends the requests of slow bodies of slowhttptest, not their connections",
  DENO,
  async (attack) => {
    attack.start(ATTACKS.bodies, 60);
    await until(() => attack.returned >= ATTACKERS);
    await attack.ask();
    await until(() => attack.settled === attack.returned);
    attack.stop();
    assertStringIncludes(await attack.askUntilEnd(), "Cancelled by user");
  },
);

attackTest(
  "on Deno.serve answers others while slowhttptest reads slowly, which nothing limits",
  DENO,
  async (attack) => {
    attack.start(ATTACKS.readers, 60, "/large");
    await until(() => attack.returned >= ATTACKERS);
    await attack.ask();
    attack.stop();
    assertStringIncludes(await attack.askUntilEnd(), "Cancelled by user");
  },
);

for (const [where, options] of [["hardened", HARDENED], ["on Deno.serve", DENO]] as const) {
  attackTest(`${where} ignores the many ranges of slowhttptest`, options, async (attack) => {
    attack.start(ATTACKS.ranges, 60);
    assertStringIncludes(await attack.askUntilEnd(), "No open connections left");
    // Pieces that overlap could make a response many times the size of the file.
    assert(attack.statuses.length >= ATTACKERS);
    assert(attack.statuses.every((status) => status === 200), attack.statuses.join());
  });
}
