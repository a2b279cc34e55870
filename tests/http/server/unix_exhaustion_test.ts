/** `serveHttp` on a Unix socket when the file descriptors run out. */

import { assert, assertEquals } from "@std/assert";
import { closeQuietly } from "../../../net/internal/close_quietly.ts";
import { statuses } from "../../_support/raw_http.ts";
import { CLOSE, exchange, get, unixTest as test } from "../../_support/unix_http.ts";
import { until } from "../../_support/until.ts";
import { CONFIG } from "../../_support/flags.ts";

const SERVER = new URL("../../../http/server/server.ts", import.meta.url).href;

for (const hardened of [true, false]) {
  const on = hardened ? "hardened" : "Deno.serve";

  test(`a Unix socket that ran out of descriptors serves again, ${on}`, async (path) => {
    const script = `${path}.ts`;
    await Deno.writeTextFile(
      script,
      `import { serveHttp } from ${JSON.stringify(SERVER)};
      const server = await serveHttp({
        path: ${JSON.stringify(path)},
        hardened: ${hardened},
        onEvent: ({ type }) => console.log(type),
      }, () => new Response());
      Deno.addSignalListener("SIGTERM", () => server.shutdown().then(() => Deno.exit(0)));
      console.log("up");`,
    );
    const deno = `"${Deno.execPath()}" run -A -q --no-check ${CONFIG.join(" ")} "${script}"`;
    const child = new Deno.Command("sh", {
      args: ["-c", `ulimit -n 64; exec ${deno}`],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let log = "";
    const reading = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (text) => void (log += text) }));
    try {
      await until(() => log.includes("up"));
      const open: Deno.Conn[] = [];
      // The file of Deno.serve is gone while it does not listen.
      const opening = Array.from(
        { length: 100 },
        () => Deno.connect({ transport: "unix", path }).then((conn) => open.push(conn), () => {}),
      );
      await until(() => log.includes("accept-error"));
      await Promise.all(opening);
      open.forEach(closeQuietly);
      const served = async () => {
        const text = await exchange(path, get("/", `Host: a\r\n${CLOSE}`)).catch(() => "");
        return statuses(text)[0] === 200;
      };
      await until(served);
      assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
    } finally {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await reading;
      assert(code === 0, log);
    }
  });
}
