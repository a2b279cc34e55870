import { listenPort } from "../../net/internal/options.ts";
import type { Duration } from "./_values.ts";

/** The flags that every server has. */
export interface ServerFlags {
  /** The address to listen on. */
  readonly hostname: {
    readonly type: "host";
    readonly default: string;
    readonly alias: "host";
    readonly help: string;
  };
  /** The port to listen on. */
  readonly port: { readonly type: "port"; readonly default: number; readonly help: string };
  /** The deadline of the shutdown. */
  readonly drain: { readonly type: "duration"; readonly default: Duration; readonly help: string };
}

/**
 * Returns the flags that every server has: `--hostname` (`--host`), `--port`, `--drain`.
 *
 * @param port The default port, from 0 to 65535; 0 selects a free one.
 * @returns The flags. Spread them into the `flags` of the specification.
 * @throws {RangeError | TypeError} If the port is invalid.
 *
 * @example "The flags of a server"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo, serverFlags } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "echo",
 *   summary: "Echoes lines.",
 *   flags: { ...serverFlags(7000) },
 *   permissions: { "--allow-net=127.0.0.1": "listen there" },
 * });
 * let where = "";
 * await cli.run(["--host", "::1"], recordingIo(), ({ hostname, port, drain }) => {
 *   where = `${hostname} ${port} ${drain}`;
 * });
 * assertEquals(where, "::1 7000 5000");
 * ```
 */
export function serverFlags(port: number): ServerFlags {
  listenPort("port", port);
  return {
    hostname: {
      type: "host",
      default: "127.0.0.1",
      alias: "host",
      help: "Address to listen on; 0.0.0.0 for all networks needs --allow-net",
    },
    port: { type: "port", default: port, help: "Port to listen on; 0 selects a free one" },
    drain: {
      type: "duration",
      default: "5s",
      help: "Time for open work to end after SIGINT or SIGTERM",
    },
  };
}
