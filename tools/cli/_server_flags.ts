/** Flags that servers share. Private to `tools/`. @module */

import type { Duration } from "./_values.ts";

/** The flags that every server has. */
export interface ServerFlags {
  /** Where to listen. */
  readonly hostname: {
    readonly type: "host";
    readonly default: string;
    readonly alias: "host";
    readonly help: string;
  };
  /** The port. */
  readonly port: { readonly type: "port"; readonly default: number; readonly help: string };
  /** How long a shutdown may take. */
  readonly drain: { readonly type: "duration"; readonly default: Duration; readonly help: string };
}

/**
 * The flags that every server has: `--hostname` (`--host`), `--port`, `--drain`.
 *
 * @param port The default port.
 * @returns The flags, to be spread into {@linkcode CliSpec.flags}.
 *
 * @example "A server's flags"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo, serverFlags } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "echo",
 *   summary: "Echoes.",
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
  return {
    hostname: {
      type: "host",
      default: "127.0.0.1",
      alias: "host",
      help: "Address to listen on; 0.0.0.0 is every network, with --allow-net",
    },
    port: { type: "port", default: port, help: "Port to listen on; 0 is any free one" },
    drain: {
      type: "duration",
      default: "5s",
      help: "How long the work in hand may take after SIGINT or SIGTERM",
    },
  };
}
