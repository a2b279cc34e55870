import type { CliIo } from "../cli.ts";

/** Returns the number of columns of the terminal; undefined if the output goes elsewhere. */
export function terminalWidth({ stdoutIsTerminal }: CliIo): number | undefined {
  try {
    if (stdoutIsTerminal) return Deno.consoleSize().columns;
  } catch { /* A replacement in a test has no size. */ }
  return undefined;
}
