import { utf8Stream } from "../../net/internal/stream_decoder.ts";

/**
 * Reads the lines of standard input.
 *
 * @param signal Ends the input when it is aborted.
 * @returns The lines without their line ends.
 */
export async function* readLines(signal: AbortSignal): AsyncGenerator<string, void, void> {
  let rest = "";
  try {
    const input = Deno.stdin.readable.pipeThrough(utf8Stream(), { signal });
    for await (const chunk of input) {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  if (rest !== "") yield rest;
}
