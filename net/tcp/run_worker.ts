/**
 * The side of a Worker: `runWorker` starts the server of the Worker when the main thread says where.
 *
 * **Permissions**: `--allow-net` as for the server itself.
 *
 * @module
 */

import { toNetError } from "../errors/errors.ts";
import type { FromWorker, ToWorker } from "./_worker_handle.ts";
import type { SharedServer, WorkerAssignment } from "./worker_options.ts";

/**
 * Runs in a Worker: starts its server when the main thread says where, and
 * shuts it down when it is told to. In the main thread it does nothing, so that
 * the module can be imported there too.
 *
 * @param start Starts the server, with `sharePort: true`.
 *
 * @example What a worker module holds
 * ```ts
 * import { runWorker } from "@portside/kit/net/workers";
 * import { serveTcp } from "@portside/kit/net/tcp";
 *
 * runWorker(({ hostname, port }) => serveTcp({ hostname, port, sharePort: true }, () => {}));
 * ```
 */
export function runWorker(start: (assignment: WorkerAssignment) => SharedServer): void {
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
  // Nothing tells the main thread of a Worker that ends by itself.
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

/** The counters of a server; undefined if they cannot be had or cloned, which must end no Worker. */
function statsOf(server: SharedServer | undefined): unknown {
  try {
    return structuredClone(server?.stats?.());
  } catch {
    return undefined;
  }
}
