/**
 * The code that runs in a Worker: `runWorker` starts the server of the Worker.
 *
 * **Permissions**: `--allow-net` as for the server itself.
 *
 * @module
 */

import { toNetError } from "../errors/errors.ts";
import { callback } from "../internal/options.ts";
import type { FromWorker, ToWorker } from "./_worker_handle.ts";
import type { SharedServer, WorkerAssignment } from "./worker_options.ts";

/**
 * Runs the server of a Worker. It starts the server when the main thread sends the address, and
 * shuts it down on request. In the main thread it does nothing, so the module can also be imported
 * there.
 *
 * @param start A function that starts the server with `sharePort: true` and returns it.
 * @throws {TypeError} If `start` is not a function.
 *
 * @example The module of a Worker
 * ```ts
 * import { runWorker } from "@portside/kit/net/workers";
 * import { serveTcp } from "@portside/kit/net/tcp";
 *
 * runWorker(({ hostname, port }) => serveTcp({ hostname, port, sharePort: true }, () => {}));
 * ```
 */
export function runWorker(start: (assignment: WorkerAssignment) => SharedServer): void {
  callback("start", start);
  if (!("postMessage" in globalThis)) return;
  const port = globalThis as unknown as {
    onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
    postMessage: (message: FromWorker) => void;
    close: () => void;
  };
  let server: SharedServer | undefined;
  port.onmessage = async ({ data: message }) => {
    if (message.type === "start") {
      try {
        server = start(message.assignment);
        port.postMessage({ type: "ready", url: server.url });
      } catch (error) {
        const { kind, message } = toNetError(error, { phase: "listen" });
        port.postMessage({ type: "failed", kind, message });
      }
    } else if (message.type === "ping") {
      port.postMessage({ type: "pong", stats: statsOf(server) });
    } else if (server !== undefined) {
      const report = await server.shutdown({ deadline: message.deadline });
      port.postMessage({ type: "done", report });
      close();
    }
  };
  // Deno does not notify the main thread when a Worker ends by itself.
  const close = port.close.bind(port);
  port.close = () => {
    port.postMessage({ type: "ended", why: "It called close()" });
    close();
  };
  const { exit } = Deno;
  Deno.exit = (code) => {
    port.postMessage({ type: "ended", why: `It called Deno.exit(${code ?? ""})` });
    return exit(code);
  };
  port.postMessage({ type: "loaded" });
}

/** Returns the counters of a server, or undefined if it has none or they cannot be cloned. */
function statsOf(server: SharedServer | undefined): unknown {
  try {
    return structuredClone(server?.stats?.());
  } catch {
    return undefined;
  }
}
