/** The level and the name of the option in Linux: IPPROTO_TCP, TCP_USER_TIMEOUT. */
const [TCP, USER_TIMEOUT] = [6, 18];

const SYMBOLS = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

/**
 * The time that sent data may wait for the confirmation of the peer (TCP_USER_TIMEOUT, RFC 5482). Linux
 * otherwise repeats the data for 15 minutes.
 *
 * Deno cannot set this option, but the C library can. This needs the permission `ffi`. A program that
 * does not have it is not asked for it, and the limit of the system applies.
 */
export class UserTimeout {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #value: Uint8Array<ArrayBuffer>;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, timeout: number) {
    this.#library = library;
    this.#value = new Uint8Array(Uint32Array.of(timeout).buffer);
  }

  /** Returns the option with a value in milliseconds; undefined if this program cannot set it. */
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

  /** Sets the option of a socket. A failure leaves the limit of the system. */
  set(fd: number): void {
    const { setsockopt } = this.#library.symbols;
    setsockopt(fd, TCP, USER_TIMEOUT, this.#value, this.#value.length);
  }

  /** Releases the library. The options of sockets stay. */
  close(): void {
    this.#library.close();
  }
}
