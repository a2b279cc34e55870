import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveWithWorkers, type WorkerServer } from "../../../net/tcp/workers.ts";
import { until } from "../../_support/until.ts";
import { CONFIG } from "../../_support/flags.ts";

const module = new URL("../../_support/echo_worker.ts", import.meta.url);

async function ask({ addr }: WorkerServer, line: string): Promise<string | null> {
  await using conn = await connectTcp({ port: addr.port, lingerTimeout: 50 });
  await conn.write(`${line}\n`);
  return await conn.readLine({ timeout: 30_000 });
}

/** Asks until both workers have answered. */
async function bothAnswer(server: WorkerServer): Promise<void> {
  const heard = new Set<string>();
  const end = performance.now() + 10_000;
  while (heard.size < 2) {
    assert(performance.now() < end, `only ${[...heard]} answered`);
    const answer = await ask(server, "hi").catch((error: NetError) => `${error.kind} `);
    if (answer?.endsWith("hi")) heard.add(answer.split(" ")[0]!);
    else await delay(20);
  }
}

/** Runs a program of its own, and tells what it printed. */
async function runScript(script: string): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/main.ts`, script);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", ...CONFIG, "-A", `${dir}/main.ts`],
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("workers share a port and are told what they need", async () => {
  await using server = await serveWithWorkers({ module, workers: 2, data: "data" });
  assertEquals(server.url, `tcp://127.0.0.1:${server.addr.port}`);
  await bothAnswer(server);
  assertEquals((await ask(server, "x"))?.slice(1), " data x");
});

Deno.test("one shutdown ends all workers, and the port is free at once", async () => {
  const server = await serveWithWorkers({ module, workers: 2 });
  await using idle = await connectTcp({ port: server.addr.port });
  await idle.write("in hand\n");
  await idle.readLine({ timeout: 30_000 });
  const report = await server.shutdown({ deadline: 3000 });
  assertEquals([report.drained, report.forced], [1, 0]);
  assertEquals(await server.shutdown(), report);
  await server.finished;
  await using again = serveTcp({ port: server.addr.port }, () => {});
  assertEquals(again.addr.port, server.addr.port);
});

Deno.test("a worker that crashes is replaced, and the others live on", async () => {
  // Deno reports the crash of a Worker on the terminal itself; a process of its own keeps it away.
  const script = `
    import { serveWithWorkers } from "${new URL("../../../net/tcp/workers.ts", import.meta.url)}";
    import { connectTcp } from "${new URL("../../../net/tcp/client.ts", import.meta.url)}";
    await using server = await serveWithWorkers({ module: "${module}", folder: "file:///", workers: 2 });
    const ask = async (line) => {
      await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
      await conn.write(line + "\\n");
      return await conn.readLine({ timeout: 30_000 });
    };
    await ask("crash").catch(() => {});
    const heard = new Set();
    for (let i = 0; i < 3000 && !(heard.size === 2 && server.restarts === 1); i++) {
      const answer = await ask("hi").catch(() => null);
      if (answer) heard.add(answer[0]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log([...heard].sort().join(), server.restarts);
  `;
  assertEquals(await runScript(script), "0,1 1\n");
});

for (const how of ["exit", "close", "stuck"]) {
  Deno.test(`a worker that ends by ${how} is replaced`, async () => {
    await using server = await serveWithWorkers({ module, workers: 1, stuckTimeout: 300 });
    const before = server.stats()[0]!;
    assertEquals([before.index, before.state, before.restarts], [0, "listening", 0]);
    await ask(server, how).catch(() => {});
    await until(async () => await ask(server, "hi").catch(() => null) === "0 undefined hi");
    assertEquals(server.restarts, 1);
    const after = server.stats()[0]!;
    const reason = { exit: "Deno.exit(3)", close: "close()", stuck: "no answer for 300 ms" }[how]!;
    assertStringIncludes(after.lastEnd!, reason);
    assert(after.uptime > 0);
  });
}

Deno.test("a worker that always ends at its start is replaced more and more slowly", async () => {
  await using server = await serveWithWorkers({ module, workers: 1 });
  const pauses: number[] = [];
  for (let i = 0; i < 13; i++) {
    await until(async () => await ask(server, "hi").catch(() => null) !== null);
    const started = performance.now();
    await ask(server, "exit").catch(() => {});
    await until(() => server.restarts === i + 1);
    pauses.push(performance.now() - started);
  }
  // At once ten times, then after 100, 200 and 400 ms: a short success does not start anew.
  assert(pauses.at(-1)! > 390, pauses.join());
});

Deno.test("stats() shows the counters of each server", async () => {
  await using server = await serveWithWorkers({ module, workers: 2, stuckTimeout: 400 });
  await bothAnswer(server);
  const accepted = () =>
    server.stats().map(({ server }) => (server as { accepted: number } | undefined)?.accepted ?? 0);
  await until(() => accepted().every((count) => count > 0));
});

Deno.test("reload() replaces the workers one by one", async () => {
  await using server = await serveWithWorkers({ module, workers: 2, data: "old" });
  assertStringIncludes(await ask(server, "x") ?? "", " old x");
  await server.reload({ data: "new" });
  for (let i = 0; i < 10; i++) assertStringIncludes(await ask(server, "x") ?? "", " new x");
  assertEquals(server.restarts, 0);
  assertEquals(server.stats().map(({ state }) => state), ["listening", "listening"]);
});

Deno.test("reload() leaves the old workers alone if a new one cannot start", async () => {
  await using server = await serveWithWorkers({
    module,
    folder: "file:///",
    workers: 1,
    data: "old",
    startTimeout: 3000,
  });
  const missing = server.reload({ module: "data:text/javascript,close()", data: "new" });
  assertEquals((await assertRejects(() => missing, NetError)).phase, "listen");
  assertEquals(await ask(server, "x"), "0 old x");
  await server.reload();
  assertEquals(await ask(server, "x"), "0 old x");
});

Deno.test("a shutdown ends a reload", async () => {
  const server = await serveWithWorkers({ module, workers: 2 });
  const reloading = server.reload();
  await server.shutdown();
  await reloading.catch((error) => assertEquals(error.kind, "closed"));
  await assertRejects(() => server.reload(), NetError, "shutting down");
});

Deno.test("a port that is taken is told, and no worker stays", async () => {
  await using taken = serveTcp({}, () => {});
  const { port } = taken.addr;
  const error = await assertRejects(() => serveWithWorkers({ module, workers: 2, port }), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
});

Deno.test({
  name: "workers that may not read their module are told by the flag to add",
  permissions: { net: ["127.0.0.1"], read: false },
  async fn() {
    const error = await assertRejects(() => serveWithWorkers({ module, workers: 1 }), NetError);
    assertEquals(error.kind, "permission");
    assert(error.permission?.startsWith("--allow-read=/"), error.permission);
  },
});

Deno.test("shutdown() ends a worker that is stuck, a second call at once", async () => {
  const server = await serveWithWorkers({ module, workers: 1 });
  await using conn = await connectTcp({ port: server.addr.port });
  await conn.write("stuck\n");
  const stopping = server.shutdown({ deadline: 2 ** 31 });
  assertEquals(await server.shutdown({ deadline: 0 }), await stopping);
});

Deno.test("shutdown() ends a worker that is only starting again", async () => {
  const script = `
    import { serveWithWorkers } from "${new URL("../../../net/tcp/workers.ts", import.meta.url)}";
    import { connectTcp } from "${new URL("../../../net/tcp/client.ts", import.meta.url)}";
    const server = await serveWithWorkers({ module: "${module}", folder: "file:///", workers: 1 });
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write("crash\\n");
    while (server.restarts === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await server.shutdown();
    console.log("down");
  `;
  assertEquals(await runScript(script), "down\n");
});

Deno.test("the signal option shuts all workers down, and stops a start", async () => {
  const stop = new AbortController();
  const server = await serveWithWorkers({ module, workers: 2, signal: stop.signal });
  const start = () => serveWithWorkers({ module, signal: stop.signal }).catch((reason) => reason);
  const starting = start();
  stop.abort("enough");
  await server.finished;
  assertEquals([await starting, await start()], ["enough", "enough"]);
});

Deno.test("a module that never calls runWorker() is given up", async () => {
  const silent = { module: "data:text/javascript,setInterval(() => {}, 1000)", folder: module };
  const options = { ...silent, workers: 2, startTimeout: 50 };
  const error = await assertRejects(() => serveWithWorkers(options), NetError, "runWorker()");
  assertEquals([error.kind, error.phase], ["timeout", "listen"]);
});

Deno.test("what cannot be cloned is refused before anything starts", async () => {
  await assertRejects(() => serveWithWorkers({ module, data: () => {} }), DOMException);
});

Deno.test("counters that fail or cannot be cloned end no worker", async () => {
  const workers = new URL("../../../net/tcp/workers.ts", import.meta.url);
  for (const stats of ["() => () => {}", "() => { throw new Error('x') }"]) {
    const module = `data:text/javascript,import { runWorker } from "${workers}";
      const shutdown = () => Promise.resolve({ drained: 0, forced: 0, refused: 0 });
      runWorker(() => ({ shutdown, stats: ${stats} }));`;
    await using server = await serveWithWorkers({
      module,
      folder: workers,
      workers: 1,
      stuckTimeout: 200,
    });
    // Several signs of life are asked for meanwhile, and would be missed if one had failed.
    await until(() => server.stats()[0]!.uptime > 600);
    assertEquals([server.restarts, server.stats()[0]!.server], [0, undefined]);
  }
});
