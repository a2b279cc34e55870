/** openssl as a peer: `s_server` and `s_client` as processes that tell what they see. @module */

/** A process of openssl. Dispose of it. */
export class OpenSsl implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #ended = false;
  /** All that it has printed so far, on both of its outputs. */
  said = "";

  private constructor(args: readonly string[]) {
    this.#child = new Deno.Command("openssl", {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)])
      .then(() => {
        this.#ended = true;
        this.#changed();
      });
  }

  /** Starts `s_client`, connected to a port of loopback. */
  static client(port: number, ...args: readonly string[]): OpenSsl {
    return new OpenSsl(["s_client", "-connect", `127.0.0.1:${port}`, ...args]);
  }

  /** Starts `s_server` with a certificate and its key in one text of PEM. Returns it with its port. */
  static async server(
    pem: string,
    ...args: readonly string[]
  ): Promise<{ port: number; server: OpenSsl }> {
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    await Deno.writeTextFile(file, pem);
    const server = new OpenSsl(["s_server", "-accept", "127.0.0.1:0", "-cert", file, ...args]);
    const [, port] = await server.until(/^ACCEPT 127\.0\.0\.1:(\d+)$/m);
    await Deno.remove(file);
    return { port: Number(port), server };
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits until it has printed something; fails if it ends before. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const match = pattern.exec(this.said);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`openssl ended without ${pattern}: ${this.said}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Ends it at once, so that its sockets end without a word. */
  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch { /* It has ended. */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#input.close().catch(() => {});
    await this.#reading;
    await this.#child.status;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.said += decoder.decode(chunk, { stream: true });
      this.#changed();
    }
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
