import type { CliContext } from "../cli.ts";
import { pathTable } from "../internal/path_table.ts";
import { look, printText } from "./_output.ts";
import type { WatchedPath } from "./watch_options.ts";

/** Clears from the cursor to the end of the screen. */
const CLEAR = "\x1b[J";

/**
 * Shows the measurements until they end: on a terminal after each round, elsewhere once at the end. Returns
 * the exit code.
 */
export async function showWatch(
  ctx: CliContext,
  rounds: AsyncIterable<WatchedPath>,
  json: boolean,
): Promise<number> {
  const isLive = ctx.io.stdoutIsTerminal && !json;
  let last: WatchedPath | undefined;
  let shown = 0;
  for await (const path of rounds) {
    last = path;
    if (!isLive) continue;
    const lines = pathTable(path, size(ctx));
    const up = shown === 0 ? "" : `\x1b[${shown}A\r`;
    printText(ctx, `${up}${CLEAR}${lines.join("\n")}\n`);
    shown = lines.length;
  }
  if (last === undefined) return 1;
  if (json) ctx.printJson(last);
  else if (!isLive) printText(ctx, `${pathTable(last, size(ctx)).join("\n")}\n`);
  return last.reached ? 0 : 1;
}

/** Returns the size of the table. It must fit on the screen, so that it can be replaced. */
function size(ctx: CliContext): { width: number; height: number; color: boolean } {
  const { color } = look(ctx);
  try {
    if (ctx.io.stdoutIsTerminal) {
      const { columns, rows } = Deno.consoleSize();
      return { color, width: Math.max(columns - 1, 60), height: Math.max(rows - 5, 1) };
    }
  } catch { /* A replacement in a test has no size. */ }
  return { color, width: 80, height: 64 };
}
