import { escapeControls, escapeJson } from "../../net/text.ts";
import { milliseconds, OptionRules, required } from "../../net/internal/options.ts";
import type { CliIo } from "./_io.ts";

/**
 * A logger that writes to standard error. It replaces `{name}` in a message by the property of that
 * name. With `--json`, a line contains the properties as separate fields. It is a LogTape logger.
 */
export interface CliLog {
  /** Logs a detail for developers. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** Logs a normal event. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** Logs a harmless problem. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** Logs a failure. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/** The members of a server that {@linkcode CliContext.untilShutdown} needs. */
export interface Stoppable {
  /** The address, for the log. */
  readonly url?: string;
  /** Resolves when the server has ended. */
  readonly finished: Promise<unknown>;
  /** Shuts down gracefully; `deadline` is in milliseconds. */
  shutdown(options?: { deadline?: number }): Promise<unknown>;
}

/** The tools that a running program receives. */
export interface CliContext {
  /** The process, or its replacement in a test. */
  readonly io: CliIo;
  /** Logs to standard error, as `--log-level` and `--json` require. */
  readonly log: CliLog;
  /** Aborted by the first SIGINT or SIGTERM, and when standard output is closed. */
  readonly signal: AbortSignal;
  /** Prints one line to standard output. Escapes control characters except tabs. */
  print(line: string): void;
  /** Writes bytes to standard output as they are, for a file or a pipe. */
  write(bytes: Uint8Array): void;
  /** Prints a value as one line of JSON. */
  printJson(value: unknown): void;
  /**
   * Prints the line of a ready server: `listening on tcp://127.0.0.1:8000`, or with `--json`
   * `{"listening":"tcp://127.0.0.1:8000"}`.
   */
  listening(server: string | URL | { readonly url: string }): void;
  /**
   * Waits for a signal, or for the end of all servers. After a signal, shuts the servers down.
   *
   * @param servers One server, or several.
   * @param options `drain`: the deadline of the shutdown, in milliseconds.
   */
  untilShutdown(
    servers: Stoppable | readonly Stoppable[],
    options: { drain: number },
  ): Promise<void>;
}

const UNTIL_SHUTDOWN = new OptionRules<{ drain: number }>({ drain: required(milliseconds) });

/** Returns the tools for a running program; `print` writes to standard output. */
export function makeContext(
  io: CliIo,
  log: CliLog,
  json: boolean,
  signal: AbortSignal,
  print: (data: string | Uint8Array) => void,
): CliContext {
  const printJson = (value: unknown) => print(`${escapeJson(JSON.stringify(value) ?? "null")}\n`);
  return {
    io,
    log,
    signal,
    print: (line) => print(`${line.split("\t").map(escapeControls).join("\t")}\n`),
    write: print,
    printJson,
    listening(server) {
      const given = typeof server === "object" && "url" in server ? server.url : String(server);
      // A URL object adds a slash at the end.
      const url = given.replace(/\/$/, "");
      if (json) printJson({ listening: url });
      else print(`listening on ${escapeControls(url)}\n`);
    },
    async untilShutdown(servers, options) {
      options = UNTIL_SHUTDOWN.check("untilShutdown", options);
      const { drain } = options;
      const all: readonly Stoppable[] = Array.isArray(servers) ? servers : [servers];
      const signalled = Promise.withResolvers<void>();
      const heard = () => signalled.resolve();
      if (signal.aborted) heard();
      signal.addEventListener("abort", heard, { once: true });
      try {
        await Promise.race([signalled.promise, Promise.all(all.map((one) => one.finished))]);
      } finally {
        signal.removeEventListener("abort", heard);
      }
      if (!signal.aborted) return;
      const seconds = drain / 1000;
      log.info("stopping: open work has {seconds} s to end; a second signal stops it at once", {
        seconds,
      });
      const reports = await Promise.all(all.map((one) => one.shutdown({ deadline: drain })));
      for (const [i, report] of reports.entries()) {
        const { url } = all[i]!;
        const stopped = url === undefined ? "stopped" : "stopped {url}";
        const more = report === undefined ? stopped : `${stopped}: {report}`;
        log.info(more, { ...url !== undefined && { url }, ...report !== undefined && { report } });
      }
    },
  };
}
