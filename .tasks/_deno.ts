/**
 * Runs Deno with the input, the output and the signals of this process, and returns its exit code.
 *
 * @param args The arguments of `deno`.
 */
export async function runDeno(args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args] }).spawn();
  // A terminal sends Ctrl+C to both processes. This one waits until the other one has reported.
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  }
  return (await child.status).code;
}
