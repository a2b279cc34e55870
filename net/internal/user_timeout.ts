/** The level and the names of the options in Linux: IPPROTO_TCP, TCP_KEEPINTVL, TCP_USER_TIMEOUT. */
const [TCP, KEEP_INTERVAL, USER_TIMEOUT] = [6, 5, 18];

const SYMBOLS = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

/**
 * The time that sent data may wait for the confirmation of the peer (TCP_USER_TIMEOUT, RFC 5482). Linux
 * otherwise repeats the data for 15 minutes.
 *
 * An idle connection ends, too, after this time without an answer to probes. They are sent at an interval
 * of a fiftieth of it, after the first one, whose time `setKeepAlive` sets.
 *
 * Deno cannot set these options, but the C library can. This needs the permission `ffi`. A program that
 * does not have it is not asked for it, and the limit of the system applies.
 */
export class UserTimeout {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #timeout: number;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, timeout: number) {
    this.#library = library;
    this.#timeout = timeout;
  }

  /** Returns the options for a time in milliseconds; undefined if this program cannot set it. */
  static open(timeout: number): UserTimeout | undefined {
    if (Deno.build.os !== "linux") return undefined;
    if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
    try {
      return new UserTimeout(Deno.dlopen("libc.so.6", SYMBOLS), Math.ceil(timeout));
    } catch {
      // Another C library, such as that of Alpine.
      return undefined;
    }
  }

  /** Sets the options of a socket. Returns false if the system refuses one. */
  set(fd: number): boolean {
    const interval = Math.max(1, Math.round(this.#timeout / 50_000));
    return this.#setOption(fd, KEEP_INTERVAL, interval) &&
      this.#setOption(fd, USER_TIMEOUT, this.#timeout);
  }

  #setOption(fd: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(Uint32Array.of(value).buffer);
    return this.#library.symbols.setsockopt(fd, TCP, name, bytes, bytes.length) === 0;
  }

  /** Releases the library. The options of sockets stay. */
  close(): void {
    this.#library.close();
  }
}
