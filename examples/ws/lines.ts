/** The lines of standard input. @module */

/**
 * Reads lines until the end of the input or until `signal` is aborted.
 *
 * @param signal Ends the reading.
 * @returns The lines, without their ends.
 */
export async function* readLines(signal: AbortSignal): AsyncGenerator<string, void, void> {
  let rest = "";
  try {
    const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream(), { signal });
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
