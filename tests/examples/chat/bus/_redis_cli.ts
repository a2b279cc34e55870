/** The client of Redis itself. @module */

/**
 * Sends a command.
 *
 * @param port The port of a server of 127.0.0.1.
 * @param args The words of the command.
 * @returns The reply as text.
 */
export async function cli(port: number, ...args: string[]): Promise<string> {
  const command = new Deno.Command("redis-cli", {
    args: ["-h", "127.0.0.1", "-p", `${port}`, ...args],
    stderr: "null",
  });
  return new TextDecoder().decode((await command.output()).stdout).trim();
}
