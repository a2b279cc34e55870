import type { CliContext } from "../cli.ts";
import { terminalWidth } from "../internal/terminal_width.ts";
import type { DiagnoseStep } from "./diagnosis.ts";

/** Returns the colour and the width of the terminal. */
export function look({ io }: CliContext): { color: boolean; width: number } {
  const width = Math.min(Math.max(terminalWidth(io) ?? 80, 60), 100);
  return { color: io.stdoutIsTerminal && !io.noColor, width };
}

/** Prints a text with colours. Text from outside must be escaped already. */
export function printText({ io }: CliContext, text: string): void {
  try {
    io.stdout(text);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Shows the pending steps on a terminal. */
export function showProgress({ io, ...ctx }: CliContext, names: readonly string[]) {
  const waiting = new Set(names);
  const shown = io.stderrIsTerminal;
  const write = (text: string) => {
    if (shown && !ctx.signal.aborted) io.stderr(`\r\x1b[K${text}`);
  };
  write(`… ${names[0]}`);
  return {
    done({ step }: DiagnoseStep) {
      waiting.delete(step);
      write(waiting.size > 0 ? `… ${[...waiting].join(", ")}` : "");
    },
    end() {
      if (shown) io.stderr("\r\x1b[K");
    },
  };
}
